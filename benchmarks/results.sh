#!/usr/bin/env bash
# Makes the tables of docs/results.md: results.sh MANIFEST OUT [SPLIT_SEED]. One to two hours on 2 cores.
set -euo pipefail
manifest=$1 out=$2 seed=${3:-5}
mkdir -p "$out"
[ -e "$out/data.h5" ] || routenas ingest "$manifest" -o "$out/data.h5"
routenas data split "$out/data.h5" --seed "$seed" -o "$out/split.json"
export OMP_NUM_THREADS=1
one_task() {
  local task=$1
  local random_seed=$2
  for strategy in evolution random; do
    routenas search "$out/data.h5" --task "$task" --split "$out/split.json" --strategy "$strategy" --trials 24 \
      --seed "$([ "$strategy" = random ] && echo "$random_seed" || echo 0)" --out "$out/$task-$strategy" --resume
  done
  routenas evaluate "$out/data.h5" --task "$task" --split "$out/split.json" --seeds 3 \
    --model "searched=$out/$task-evolution/model" --model "random search=$out/$task-random/model" --json "$out/$task.json" \
    > "$out/$task.txt"
}
one_task hotspots 1 & one_task violated_nets 1 & wait
cat "$out/hotspots.txt" "$out/violated_nets.txt"
