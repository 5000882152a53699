// The uploads, newest first, each with its results beside it.

import { $, copy, count, dimensions, format as title, make, milliseconds, number, say, size } from "./dom.js";

const SHOWN = 60;

export const pathOf = (upload) => upload.key.slice(upload.key.indexOf("/") + 1);

export const good = (told) => told?.outcome === "made";

const failed = (upload) => Object.values(upload.told).some(({ outcome }) => outcome === "rejected" || outcome === "retried");

export const small = (upload, variant, index) =>
  variant === undefined ? `uploads/${upload.number}/small` : `uploads/${upload.number}/${encodeURIComponent(variant)}/${index}/small`;

export class Uploads {
  constructor(variants, open) {
    this.variants = variants;
    this.open = open;
    this.list = $("#list");
    this.items = new Map(); // by key
    this.onlyFailed = false;
    this.total = 0;
    for (const [id, value] of [["all", false], ["failed", true]]) {
      $(`#${id}`).addEventListener("click", () => this.choose(value));
    }
  }

  choose(onlyFailed) {
    this.onlyFailed = onlyFailed;
    $("#all").setAttribute("aria-pressed", !onlyFailed);
    $("#failed").setAttribute("aria-pressed", onlyFailed);
    this.#arrange();
  }

  /** Takes what is new; `local` has pictures, by key, that this page has sent itself. */
  update(uploads, total, local) {
    this.total = total;
    for (const upload of uploads) {
      let item = this.items.get(upload.key);
      if (!item || item.upload.number !== upload.number) {
        item?.element.remove();
        this.items.delete(upload.key);
        item = this.#item(upload, local.get(upload.key));
        this.items.set(upload.key, item);
      }
      this.#show(item, upload);
    }
    this.#arrange();
  }

  #item(upload, picture) {
    const element = copy("upload");
    const name = pathOf(upload);
    const slash = name.lastIndexOf("/") + 1;
    $("h3", element).append(make("span", {}, name.slice(0, slash)), name.slice(slash));
    this.#frame($(".frame", element), picture ?? small(upload), "", small(upload));
    return { element, results: new Map(), upload };
  }

  /** A picture in its frame; one that does not load leaves the frame empty. */
  #frame(frame, address, alt, otherwise) {
    // Lazily: of a burst, those that nobody gets to see are not asked for.
    const image = make("img", { alt, decoding: "async", loading: "lazy", src: address });
    image.addEventListener("load", () => image.classList.add("there"));
    image.addEventListener("error", () => {
      if (otherwise && image.getAttribute("src") !== otherwise) image.src = otherwise;
      else {
        image.remove();
        frame.classList.add("none");
      }
    });
    frame.replaceChildren(image);
  }

  #show(item, upload) {
    item.upload = upload;
    say($(".origin .note", item.element), size(upload.size));
    const list = $(".results", item.element);
    for (const variant of this.variants) {
      const told = upload.told[variant];
      const results = told?.results.length ? told.results : [null];
      results.forEach((result, index) => {
        const name = index ? `${variant} ${index}` : variant;
        let tile = item.results.get(name);
        if (!tile) {
          tile = { element: copy("result") };
          tile.button = $("button", tile.element);
          tile.button.addEventListener("click", () => this.open(item, variant, index, tile.button));
          item.results.set(name, tile);
          list.append(tile.element);
        }
        this.#tile(tile, upload, variant, told, result, index);
      });
    }
    this.#why($(".why", item.element), upload);
    item.element.classList.toggle("failed", failed(upload));
  }

  #tile(tile, upload, variant, told, result, index) {
    const state = told?.outcome ?? "waiting";
    tile.button.dataset.state = state;
    tile.button.disabled = !told;
    const format = index ? ` ${title(result.format)}` : "";
    say($(".name", tile.element), variant + format);
    say(
      $(".note", tile.element),
      result ? [dimensions(result), size(result.bytes)].filter(Boolean).join(", ") : told ? (told.reason ?? told.outcome) : "waiting",
    );
    tile.button.setAttribute(
      "aria-label",
      `${pathOf(upload)}, ${variant}${format}: ${result ? `${dimensions(result)}, ${size(result.bytes)}` : (told?.reason ?? state)}`,
    );
    if (tile.shown !== result?.key) {
      tile.shown = result?.key;
      if (result) this.#frame($(".frame", tile.element), small(upload, variant, index), "");
      else $(".frame", tile.element).replaceChildren();
    }
  }

  #why(why, upload) {
    const sentences = new Map();
    for (const [variant, told] of Object.entries(upload.told)) {
      if (!["rejected", "retried", "skipped"].includes(told.outcome)) continue;
      const label = told.reason ? `${told.outcome}: ${told.reason}` : told.outcome;
      const sentence = `${label}\n${told.detail ?? ""}`;
      sentences.set(sentence, [...(sentences.get(sentence) ?? []), variant]);
    }
    why.hidden = !sentences.size;
    why.replaceChildren(
      ...[...sentences].map(([sentence, variants]) => {
        const [label, detail] = sentence.split("\n", 2);
        const which = variants.length === this.variants.length ? "in all variants" : `in ${variants.join(", ")}`;
        return make("p", {}, make("b", {}, label), ` ${which}. `, make("span", {}, detail));
      }),
    );
  }

  /** Newest first, and no more than anybody reads. */
  #arrange() {
    const items = [...this.items.values()].sort((a, b) => b.upload.number - a.upload.number);
    const bad = items.filter((item) => failed(item.upload));
    const shown = (this.onlyFailed ? bad : items).slice(0, SHOWN);
    for (const item of items.slice(SHOWN)) {
      if (!failed(item.upload)) this.items.delete(item.upload.key);
    }
    const wanted = shown.map((item) => item.element);
    for (const element of [...this.list.children]) if (!wanted.includes(element)) element.remove();
    wanted.forEach((element, index) => {
      if (this.list.children[index] !== element) this.list.insertBefore(element, this.list.children[index] ?? null);
    });
    say($("#all span"), this.total ? number(this.total) : "");
    say($("#failed span"), bad.length ? number(bad.length) : "");
    $("#failed").disabled = !bad.length && !this.onlyFailed;
    $("#empty").hidden = this.total > 0;
    const more = this.total - shown.length;
    $("#older").hidden = this.onlyFailed || more <= 0;
    say($("#older"), more > 0 ? `and ${count(more, "older upload")}` : "");
  }
}

/** The viewer: a result as large as there is room, what is known of it, and the log line behind it. */
export class Viewer {
  constructor() {
    this.dialog = $("#viewer");
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) this.#step(step);
    });
  }

  async open(item, variant, index, button) {
    this.button = button;
    const { upload } = item;
    const told = upload.told[variant];
    const result = told.results[index];
    const address = `uploads/${upload.number}/${encodeURIComponent(variant)}`;
    say($("h2", this.dialog), pathOf(upload));
    const why = $(".why", this.dialog);
    why.hidden = good(told);
    say(why, told.detail ?? "");
    $(".picture", this.dialog).replaceChildren(
      ...(result ? [make("img", { src: `${address}/${index}/small`, alt: `${pathOf(upload)}, ${variant}` })] : []),
    );
    $(".picture", this.dialog).hidden = !result;
    const link = $(".open", this.dialog);
    link.parentElement.hidden = !result;
    if (result) link.href = `${address}/${index}`;
    this.#facts({
      Variant: variant,
      Outcome: told.reason ? `${told.outcome}: ${told.reason}` : told.outcome,
      Format: title(result?.format),
      Pixels: result && dimensions(result),
      Size: result && size(result.bytes),
      Time: milliseconds(told.milliseconds),
      Key: result?.key ?? upload.key,
    });
    $(".log", this.dialog).replaceChildren();
    if (!this.dialog.open) this.dialog.showModal();
    const lines = await (await fetch(address)).json();
    if (this.button === button) $(".log", this.dialog).replaceChildren(...lines.reverse().map(line)); // the newest first
  }

  #facts(facts) {
    $(".facts", this.dialog).replaceChildren(
      ...Object.entries(facts)
        .filter(([, value]) => value)
        .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))),
    );
  }

  #step(step) {
    const buttons = [...document.querySelectorAll("#list .result:not(:disabled)")];
    buttons[buttons.indexOf(this.button) + step]?.click();
  }
}

/** A log line, laid out if it is JSON. */
function line(text) {
  try {
    const { _aws, ...said } = JSON.parse(text);
    const known = Object.entries(said).filter(([, value]) => value !== null && !(Array.isArray(value) && !value.length));
    return make("pre", { tabindex: 0 }, known.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n"));
  } catch {
    return make("pre", { tabindex: 0 }, text);
  }
}
