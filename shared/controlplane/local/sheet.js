"use strict";
{
  const GAP = 24; // pixels of the screen between pictures, as in sheet.css
  const CAPTION = 192; // the least width of a caption, as there
  const ROW = 1304; // the width of a row where there is room
  const PER_LINE = 6; // pictures beside each other: ROW has room for so many captions
  const CHUNK = 6; // rows that come and go together
  const ESTIMATE = 330; // the height of a row that was not drawn yet
  const FEW = 240; // of so many rows all are drawn: the browser's own search finds them too

  const $ = (id) => document.getElementById(id);
  const rows = JSON.parse($("data").textContent);
  rows.forEach((row, index) => (row.id = `p${index + 1}`));
  const total = $("shown").textContent;
  const pictures = $("pictures");
  let chunks = [];

  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter(Boolean));
    return element;
  };
  const joined = (...parts) => parts.filter(Boolean).join(", ");
  const dimensions = (tile) => (tile.width ? `${tile.width} × ${tile.height}` : "");

  /** A row's scale, in terms of what it has to hold: see sheet.css. */
  const scale = (tiles) => {
    // Where there are more than have room beside each other, the largest have; the others follow on further lines.
    const widths = tiles.map((tile) => tile.width ?? 0).sort((a, b) => b - a).slice(0, PER_LINE);
    let large = widths.length;
    for (; large > 1; large -= 1) {
      const wide = widths.slice(0, large).reduce((sum, width) => sum + width, 0);
      const room = ROW - GAP * (widths.length - 1) - CAPTION * (widths.length - large);
      if (widths[large - 1] * Math.min(1, room / wide) >= CAPTION) break;
    }
    const wide = widths.slice(0, large).reduce((sum, width) => sum + width, 0);
    const rest = GAP * (widths.length - 1) + CAPTION * (widths.length - large);
    const high = Math.max(...tiles.map((tile) => tile.height ?? 0));
    return `--wide:${wide || 1};--rest:${rest};--high:${high || 1};--most:${widths[0] || 1}`;
  };

  const shot = (row, tile) => {
    if (!tile.link) return make("div", { class: "shot none" }, tile.format ?? "?");
    const image = make("img", {
      alt: `${row.path}, ${tile.label}`,
      decoding: "async",
      loading: "lazy",
      src: tile.small ?? tile.link,
      style: `--w:${tile.width};--h:${tile.height}`,
    });
    if (tile.transparent) image.className = "see-through";
    return make("a", { class: "shot", href: tile.link }, image);
  };

  const line = (label, text, name) => make("p", name ? { class: name } : {}, label && make("i", {}, label), text || "\u00a0");

  const figure = (row, tile, first) => {
    const made = joined(dimensions(tile), tile.format, tile.frames);
    const lines = first
      ? [line("", made), line("", tile.size), line("", "")]
      : [
          line("made ", made),
          tile.expected
            ? line("expected ", tile.as_expected ? `${tile.expected}\u00a0✓` : tile.expected, tile.as_expected ? "" : "other")
            : line("", ""),
          line("", joined(tile.size, tile.time)),
        ];
    return make("figure", first ? { class: "upload" } : {}, shot(row, tile), make("figcaption", {}, make("b", {}, tile.label), ...lines));
  };

  const article = (row) => {
    const slash = row.path.lastIndexOf("/") + 1;
    const title = make("h2", {}, make("span", {}, row.path.slice(0, slash)), row.path.slice(slash));
    const strip = make("div", { class: "strip", style: scale(row.tiles) }, ...row.tiles.map((tile, index) => figure(row, tile, index === 0)));
    const failures = row.failures.map(({ label, which, sentence }) =>
      make("div", { class: "failed" }, make("p", {}, make("b", {}, label), " ", make("span", {}, which)), make("p", {}, sentence)),
    );
    return make("article", { id: row.id }, title, strip, ...failures);
  };

  const fill = (section) => {
    if (section.firstChild) return;
    section.append(...section.rows.map(article));
    section.style.height = "";
  };
  const clear = (section) => {
    if (!section.firstChild) return;
    section.style.height = `${section.offsetHeight}px`;
    section.replaceChildren();
  };
  const near = new IntersectionObserver(
    (entries) => entries.forEach(({ target, isIntersecting }) => (isIntersecting ? fill(target) : clear(target))),
    { rootMargin: "1400px 0px" },
  );

  const draw = (wanted) => {
    near.disconnect();
    chunks = [];
    for (let start = 0; start < wanted.length; start += CHUNK) {
      const section = make("section", {});
      section.rows = wanted.slice(start, start + CHUNK);
      section.style.height = `${section.rows.length * ESTIMATE}px`;
      chunks.push(section);
    }
    pictures.replaceChildren(...chunks);
    if (wanted.length <= FEW) chunks.forEach(fill);
    else chunks.forEach((section) => near.observe(section));
    $("none").hidden = wanted.length > 0;
    $("shown").textContent = wanted.length === rows.length ? total : `${wanted.length.toLocaleString("en")} of ${total}`;
  };

  const text = (row) => {
    row.text ??= [
      row.path,
      ...row.tiles.flatMap((tile) => [tile.label, tile.format, tile.frames, dimensions(tile)]),
      ...row.failures.flatMap(({ label, which, sentence }) => [label, which, sentence]),
    ].join(" ").toLowerCase();
    return row.text;
  };
  const search = $("search");
  const failed = $("failed");
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    draw(rows.filter((row) => (!failed?.checked || row.failures.length) && words.every((word) => text(row).includes(word))));
  };
  search.addEventListener("input", show);
  failed?.addEventListener("change", show);
  search.form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || document.activeElement === search) return;
    event.preventDefault();
    search.focus();
  });

  /** To the picture that the address names. */
  const go = () => {
    const section = chunks.find((chunk) => chunk.rows.some((row) => `#${row.id}` === location.hash));
    if (!section) return;
    fill(section);
    $(location.hash.slice(1)).scrollIntoView();
  };
  addEventListener("hashchange", go);
  addEventListener("beforeprint", () => chunks.forEach(fill));
  show(); // Browsers keep what was typed when a page is loaded again.
  go();
}
