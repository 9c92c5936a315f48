"use strict";
// What all pages share: figures are embedded, layers switched, rows marked, and light and dark told to the figures.
(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const places = {};
  for (const place of document.querySelectorAll("[data-figure]")) {
    place.id = `figure-${place.dataset.figure}`;
    places[data.roots[place.dataset.figure]] = place.id;
  }
  await Bokeh.embed.embed_items({ page: data.document }, [{ docid: "page", roots: places, root_ids: Object.keys(places) }]);
  const drawn = Bokeh.documents[Bokeh.documents.length - 1];
  const models = (name) => [...drawn.all_models].filter((model) => model.name === name);
  const one = (name) => models(name)[0];

  // ---- light and dark
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const colours = {
    background_fill_color: "--paper", outline_line_color: "--line",
    axis_label_text_color: "--ink", major_label_text_color: "--ink", axis_line_color: "--line", title_text_color: "--ink",
    major_tick_line_color: "--line", minor_tick_line_color: "--line", grid_line_color: "--line", label_text_color: "--ink",
    group_text_color: "--soft", text_color: "--ink",
  };
  const themed = new Set(["Figure", "LinearAxis", "CategoricalAxis", "LogAxis", "Grid", "Legend", "Title", "ColorBar"]);
  function paint() {
    const style = getComputedStyle(root);
    for (const model of drawn.all_models) {
      if (!themed.has(model.type)) continue;
      const told = {};
      for (const [name, variable] of Object.entries(colours)) {
        if (name in model.properties) told[name] = style.getPropertyValue(variable).trim();
      }
      model.setv(told);
    }
  }
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.classList.contains("dark") || (dark.matches && !root.classList.contains("light"));
    root.classList.remove("dark", "light");
    root.classList.add(now ? "light" : "dark");
    paint();
  });
  dark.addEventListener("change", paint);
  paint();

  // ---- the die: both panes have one range, fitted to their frame so that a micron is as long in x as in y
  const pane = one("left");
  let shown = null;
  function scale_of([x0, y0, x1, y1], room) {
    return Math.max((x1 - x0) / pane.inner_width, (y1 - y0) / pane.inner_height) * room;
  }
  function fit(box) {
    if (!pane) return;
    shown = box;
    const whole = scale_of(data.extent, 1.1);
    const scale = box ? Math.min(Math.max(scale_of(box, 3), whole / 6), whole) : whole;
    const view = [scale * pane.inner_width, scale * pane.inner_height];
    [pane.x_range, pane.y_range].forEach((range, axis) => {
      const [low, high] = [data.extent[axis], data.extent[axis + 2]], half = view[axis] / 2;
      const middle = ((box ?? data.extent)[axis] + (box ?? data.extent)[axis + 2]) / 2;
      const slack = Math.max(0, (high - low) / 2 - half);  // as far as the view may leave the die's middle
      const centre = Math.min(Math.max(middle, (low + high) / 2 - slack), (low + high) / 2 + slack);
      range.setv({ start: centre - half, end: centre + half });
    });
  }
  if (pane) {
    for (const side of ["inner_width", "inner_height"]) pane.connect(pane.properties[side].change, () => fit(shown));
    pane.on_event("reset", () => setTimeout(() => fit(null)));
    fit(null);
    document.getElementById("whole")?.addEventListener("click", () => mark(null));
  }

  // ---- layers
  const layers = one("layers");
  for (const choice of document.querySelectorAll("select[data-pane]")) {
    choice.addEventListener("change", () => {
      const figure = one(choice.dataset.pane), layer = data.layers[choice.value];
      const map = figure.renderers.find((each) => each.name === "map"), source = map.data_source;
      map.glyph.color_mapper.setv({ low: layer.low, high: layer.high, palette: data.palettes[layer.palette] });
      source.data = { ...source.data, image: layers.data[choice.value], layer: [choice.value] };
      figure.title.text = layer.title;
    });
  }
  for (const box of document.querySelectorAll("[data-show]")) {
    box.addEventListener("change", () => {
      for (const model of models(box.dataset.show)) if ("visible" in model.properties) model.visible = box.checked;
    });
  }

  // ---- rows that mark a trial in all charts
  const trials = one("trials"), trial_rows = [...document.querySelectorAll("tr[data-trial]")];
  for (const row of trial_rows) {
    const choose = () => { trials.selected.indices = row.classList.contains("marked") ? [] : [Number(row.dataset.trial)]; };
    row.addEventListener("click", choose);
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(); });
  }
  trials?.selected.connect(trials.selected.properties.indices.change, () => {
    for (const row of trial_rows) row.classList.toggle("marked", trials.selected.indices.includes(Number(row.dataset.trial)));
  });

  // ---- rows that mark a box of the die
  const rows = [...document.querySelectorAll("tr[data-region]")], boxes = one("regions"), marker = one("mark");
  function mark(number) {
    const same = number !== null && rows[number].classList.contains("marked");
    for (const row of rows) row.classList.toggle("marked", !same && row.dataset.region === String(number));
    const told = {};
    for (const side of Object.keys(marker.data)) told[side] = number === null || same ? [] : [boxes.data[side][number]];
    marker.data = told;
    fit(number === null || same ? null : ["left", "bottom", "right", "top"].map((side) => told[side][0]));
  }
  for (const row of rows) {
    row.addEventListener("click", () => mark(Number(row.dataset.region)));
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") mark(Number(row.dataset.region)); });
  }
  if (boxes) {
    boxes.selected.connect(boxes.selected.properties.indices.change, () => {
      const [number] = boxes.selected.indices;
      if (number === undefined) return;
      if (!rows[number].classList.contains("marked")) mark(number);
      rows[number].scrollIntoView({ block: "nearest" });
    });
  }
  root.dataset.ready = "yes";
})();
