"""Pages for a browser: a score, a run, a comparison, each one file that needs no network. Needs the extra ``report``.

`routenas.show.pages.frame` makes a page of parts and figures; ``page.css`` and ``page.js`` are what all pages share.
"""
