// Files on their way in: dropped, chosen or pasted; folders keep their paths.

import { count, natural } from "./dom.js";

const AT_A_TIME = 3;

/** Has `take` called with [{path, file}] for whatever is dropped on the page, chosen or pasted. */
export function listen({ zone, choose, chooseFolder, files, folder }, take) {
  choose.addEventListener("click", () => files.click());
  chooseFolder.addEventListener("click", () => folder.click());
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      take([...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
      input.value = "";
    });
  }
  let depth = 0;
  const holds = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!holds(event)) return;
    depth += 1;
    zone.classList.add("over");
    document.body.classList.add("dragged");
  });
  addEventListener("dragleave", (event) => {
    if (holds(event) && --depth <= 0) left();
  });
  addEventListener("dragover", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", async (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    left();
    take(await dropped(event.dataTransfer));
  });
  addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length) take(pasted.map((file) => ({ path: file.name, file })));
  });
  function left() {
    depth = 0;
    zone.classList.remove("over");
    document.body.classList.remove("dragged");
  }
}

async function dropped(transfer) {
  // Before anything is awaited: the list is emptied when the event has ended.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ path: file.name, file }));
  return (await Promise.all(entries.map(walk))).flat();
}

async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // It tells of some at a time, until of none.
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(walk))).flat();
}

/** Splits into what is taken and, counted by kind, what is not. */
export function sorted(found, extensions) {
  const taken = [];
  const others = new Map();
  for (const one of found) {
    const name = one.path.slice(one.path.lastIndexOf("/") + 1);
    const dot = name.lastIndexOf(".");
    const extension = dot > 0 ? name.slice(dot).toLowerCase() : "";
    if (!name.startsWith(".") && extensions.has(extension)) taken.push(one);
    else {
      const kind = name.startsWith(".") ? "hidden" : extension || "without an extension";
      others.set(kind, (others.get(kind) ?? 0) + 1);
    }
  }
  taken.sort((a, b) => natural(a.path, b.path));
  return { taken, others };
}

/** Uploads a few at a time; `progress` gets how many are done, and the sentences of those that were refused. */
export async function send(taken, progress) {
  const waiting = [...taken];
  const refused = [];
  let done = 0;
  const worker = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      const why = await put(one);
      if (why) refused.push(`${one.path}: ${why}`);
      done += 1;
      progress(done, refused);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

async function put({ path, file }) {
  try {
    const answer = await fetch(`uploads/${path.split("/").map(encodeURIComponent).join("/")}`, { method: "PUT", body: file });
    return answer.ok ? null : await answer.text();
  } catch {
    return "The page lost its machine, or the file cannot be read.";
  }
}

/** What a person is told of what was left out. */
export function leftOut(others) {
  const kinds = [...others].map(([kind, number]) => `${number} ${kind}`);
  const total = [...others.values()].reduce((sum, number) => sum + number, 0);
  return total ? `${count(total, "file")} left out: ${kinds.join(", ")}.` : "";
}
