// The machine as it is drawn: CSS lays its parts out, wires are drawn between wherever they are, and pictures travel along.

import { $, calm, make, milliseconds, number, say, seconds } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST_MOTES = 90; // of so many moving things at once nobody follows one more
const SLOTS = 12;
const SPEED = 0.4; // pixels a millisecond
const SHORTEST = 360; // milliseconds
const LATEST = 9;

export class Machine {
  constructor(root) {
    this.root = root;
    this.wires = $("#wires", root);
    this.motes = $("#motes", root);
    this.lanes = new Map();
    for (const lane of root.querySelectorAll(".lane")) {
      this.lanes.set(lane.dataset.variant, {
        lane,
        queue: $(".queue", lane),
        slots: $(".slots", lane),
        queued: $(".queued", lane),
        oldest: $(".oldest", lane),
        fn: $(".function", lane),
        made: $(".made", lane),
        time: $(".time", lane),
        dead: $(".dead", lane),
        letters: $(".letters", lane),
      });
    }
    this.paths = new Map();
    this.arrivals = new Map(); // of an upload at the queues
    new ResizeObserver(() => this.draw()).observe(root);
    this.draw();
  }

  get variants() {
    return [...this.lanes.keys()];
  }

  /** What the queues tell. */
  counts(list) {
    for (const counts of list) {
      const lane = this.lanes.get(counts.name);
      if (!lane) continue;
      const waiting = counts.queued + counts.in_flight;
      say(lane.queued, number(waiting));
      this.#slots(lane.slots, counts.queued, counts.in_flight);
      say(lane.oldest, counts.oldest_seconds > 5 ? `oldest ${seconds(counts.oldest_seconds)}` : "");
      say(lane.letters, number(counts.dead_letters));
      lane.dead.classList.toggle("some", counts.dead_letters > 0);
      lane.fn.classList.toggle("works", counts.in_flight > 0);
      lane.fn.classList.toggle("trouble", Boolean(counts.trouble));
      lane.fn.title = counts.trouble ?? "";
      if (counts.made !== null) say(lane.made, number(counts.made));
    }
  }

  /** What was made and how fast, by the functions' log. */
  told(variants) {
    for (const [name, { made = 0, milliseconds: median }] of Object.entries(variants)) {
      const lane = this.lanes.get(name);
      if (!lane) continue;
      say(lane.made, number(made));
      say(lane.time, milliseconds(median));
    }
  }

  /** A new upload travels to all queues. */
  enters(key, look) {
    if (calm.matches || document.hidden) return;
    const first = this.#travel("source", "topic", 0, look);
    for (const variant of this.variants) this.#travel("topic", `queue ${variant}`, first, look);
    const longest = Math.max(...this.variants.map((variant) => this.#duration("topic", `queue ${variant}`)));
    this.arrivals.set(key, performance.now() + first + longest);
    if (this.arrivals.size > 200) this.arrivals.delete(this.arrivals.keys().next().value);
  }

  /** It leaves a queue for the function, and that for the results or the dead letters. */
  leaves(key, variant, outcome, look) {
    if (calm.matches || document.hidden || !this.lanes.has(variant)) return;
    const wait = Math.max(0, (this.arrivals.get(key) ?? 0) - performance.now());
    const bad = outcome === "rejected";
    const there = wait + this.#travel(`queue ${variant}`, `function ${variant}`, wait, look);
    if (outcome === "made") this.#travel(`function ${variant}`, "target", there, look);
    else if (bad) this.#travel(`function ${variant}`, `dead ${variant}`, there, { ...look, bad });
  }

  /** Results are in their bucket, [upload's key, picture]: one of each of the newest uploads is seen there. */
  lands(landed) {
    const latest = $("#latest", this.root);
    for (const [upload, picture] of [...new Map(landed)].slice(-LATEST)) {
      const image = make("img", { src: picture, alt: "", "data-upload": upload });
      image.addEventListener("error", () => image.remove());
      [...latest.children].find((other) => other.dataset.upload === upload)?.remove();
      latest.prepend(image);
    }
    while (latest.children.length > LATEST) latest.lastChild.remove();
  }

  /** Draws the wires anew: the layout has changed. */
  draw() {
    const box = this.root.getBoundingClientRect();
    const flow = getComputedStyle(this.root).getPropertyValue("--flow-direction").trim();
    const place = (element) => {
      const rect = element.getBoundingClientRect();
      return {
        left: rect.left - box.left,
        right: rect.right - box.left,
        top: rect.top - box.top,
        bottom: rect.bottom - box.top,
        x: rect.left - box.left + rect.width / 2,
        y: rect.top - box.top + rect.height / 2,
      };
    };
    const [source, topic, target] = ["#source", "#topic .icon", "#target"].map((id) => place($(id, this.root)));
    const drawn = new Map();
    const down = flow === "down";
    drawn.set("source>topic", down ? straightDown(source, topic) : across(source, topic));
    for (const [name, lane] of this.lanes) {
      const [queue, fn, dead] = [lane.queue, lane.fn, lane.dead].map(place);
      drawn.set(`topic>queue ${name}`, down ? rail(topic, queue, queue.left - 14) : across(topic, queue));
      drawn.set(`queue ${name}>function ${name}`, across(queue, fn));
      drawn.set(`function ${name}>dead ${name}`, down ? across(fn, dead) : toDead(fn, dead));
      drawn.set(`function ${name}>target`, down ? railOut(fn, target, dead.right + 14) : past(fn, dead, target));
    }
    this.wires.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    for (const [name, line] of drawn) {
      let path = this.paths.get(name);
      if (!path) {
        path = document.createElementNS(SVG, "path");
        path.setAttribute("class", name.includes(">dead") ? "wire aside" : "wire");
        this.wires.append(path);
        this.paths.set(name, path);
      }
      path.setAttribute("d", line);
    }
  }

  #slots(slots, queued, inFlight) {
    const shown = Math.min(SLOTS, queued + inFlight);
    while (slots.children.length > shown) slots.lastChild.remove();
    while (slots.children.length < shown) slots.append(make("i"));
    [...slots.children].forEach((slot, index) => slot.classList.toggle("taken", index < Math.min(inFlight, SLOTS)));
  }

  #duration(from, to) {
    const path = this.paths.get(`${from}>${to}`);
    return Math.max(SHORTEST, path.getTotalLength() / SPEED);
  }

  /** Sends a mote along a wire after `wait` milliseconds; how long it takes. */
  #travel(from, to, wait, look) {
    const path = this.paths.get(`${from}>${to}`);
    const duration = this.#duration(from, to);
    if (this.motes.children.length >= MOST_MOTES) return duration;
    const mote = make("i", { class: look.bad ? "mote bad" : "mote" });
    if (look.picture) mote.style.backgroundImage = `url("${look.picture}")`;
    if (look.colour) mote.style.backgroundColor = look.colour;
    mote.style.offsetPath = `path("${path.getAttribute("d")}")`;
    this.motes.append(mote);
    const run = mote.animate(
      [
        { offsetDistance: "0%", opacity: 0 },
        { opacity: 1, offset: 0.12 },
        { opacity: 1, offset: 0.88 },
        { offsetDistance: "100%", opacity: 0 },
      ],
      { duration, delay: wait, easing: "cubic-bezier(.45,.05,.4,1)", fill: "both" },
    );
    run.finished.catch(() => {}).finally(() => mote.remove());
    return duration;
  }
}

const across = (a, b) => {
  const bend = Math.max(12, (b.left - a.right) / 2);
  return `M${a.right} ${a.y}C${a.right + bend} ${a.y} ${b.left - bend} ${b.y} ${b.left} ${b.y}`;
};

const straightDown = (a, b) => `M${b.x} ${a.bottom}L${b.x} ${b.top}`;

/** Down along a rail on the left, then into the lane. */
const rail = (a, b, x) => `M${a.left} ${a.y}H${x + 10}Q${x} ${a.y} ${x} ${a.y + 10}V${b.y - 10}Q${x} ${b.y} ${x + 10} ${b.y}H${b.left}`;

/** Out of the lane below the dead letters, down along a rail on the right, into the results. */
const railOut = (a, b, x) =>
  `M${a.x} ${a.bottom}V${a.bottom + 5}Q${a.x} ${a.bottom + 9} ${a.x + 8} ${a.bottom + 9}H${x - 8}Q${x} ${a.bottom + 9} ${x} ${a.bottom + 18}V${b.y - 10}Q${x} ${b.y} ${x - 10} ${b.y}H${b.right}`;

/** From the function down to its dead letters. */
const toDead = (a, b) => {
  const x = a.right + (b.left - a.right) * 0.42;
  return `M${a.right} ${a.y}H${x - 12}Q${x} ${a.y} ${x} ${(a.y + b.y) / 2}Q${x} ${b.y} ${x + 12} ${b.y}H${b.left}`;
};

/** Past the dead letters to the results. */
const past = (a, over, b) => {
  const bend = (b.left - over.right) / 2;
  return `M${a.right} ${a.y}H${over.right}C${over.right + bend} ${a.y} ${b.left - bend} ${b.y} ${b.left} ${b.y}`;
};
