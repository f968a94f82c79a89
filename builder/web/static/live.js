// Keeps an open page true: parts marked data-live are fetched again when an event says so, and a log grows as it is
// written. A page that nobody sees asks for nothing. Without this script the pages show the state of their loading.
"use strict";

const GATHER = 400; // ms; events come in bursts, the page is fetched once for each burst
const RETRY = 5000; // ms after a connection has ended or could not be made
const LINES = 5000; // how many lines of a log are kept on the page

let showing = null; // an AbortController for everything that goes on while the page is seen
let newest = null; // the number of the newest event that the page has seen

const part = () => document.querySelector("[data-live]");
const pause = (time, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });

// Times and spans, in the reader's own words.

function dress() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time")) {
    const moment = new Date(time.dateTime);
    time.title = moment.toLocaleString();
    time.textContent = ago((now - moment) / 1000) || moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
  for (const running of document.querySelectorAll("[data-since]")) {
    running.textContent = span(now / 1000 - Number(running.dataset.since));
  }
}

function ago(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return "";
}

function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

// The page's own content, fetched again.

async function refresh(signal) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const then = fresh.querySelector("[data-live]");
  if (!then) return;
  const focused = document.activeElement?.getAttribute("href");
  part().replaceWith(document.adoptNode(then));
  document.title = fresh.title;
  dress();
  if (focused) part().querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  if (!document.querySelector("#log") && fresh.querySelector("#log")) location.reload();
}

// Calls `take` with each piece of a stream as it comes; comes back when the stream has ended.

async function stream(address, signal, take) {
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new Error(answer.statusText);
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(value);
  }
}

async function followEvents(signal) {
  let waiting = null;
  const over = new AbortController(); // nothing more will happen on this page
  const later = () => {
    waiting ??= setTimeout(async () => {
      waiting = null;
      await refresh(signal).catch(() => {});
      if (!part()?.dataset.events) over.abort();
    }, GATHER);
  };
  signal.addEventListener("abort", () => { clearTimeout(waiting); over.abort(); });
  while (!over.signal.aborted && part()?.dataset.events) {
    const address = new URL(part().dataset.events, location.href);
    newest ??= Number(address.searchParams.get("after"));
    address.searchParams.set("after", newest);
    const decoder = new TextDecoder();
    let rest = "";
    try {
      await stream(address, over.signal, (piece) => {
        const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          if (!line) continue;
          newest = JSON.parse(line).number;
          later();
        }
      });
    } catch { /* tried again */ }
    await pause(RETRY, over.signal);
    if (!over.signal.aborted) later();
  }
}

async function refreshOften(signal) {
  const every = Number(part()?.dataset.every) * 1000;
  if (!every) return;
  for (;;) {
    await pause(every, signal);
    if (signal.aborted) return;
    await refresh(signal).catch(() => {});
  }
}

// A log that is being written. The rules for what is shown are those of builder/web/pages/tail.py.

const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
const HARMFUL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const shown = (text) => text.replace(ESCAPES, "").replace(/\r+\n|\r/g, "\n").replace(HARMFUL, "\ufffd");

class Log {
  constructor(element) {
    this.element = element;
    this.offset = Number(element.dataset.offset);
    this.decoder = new TextDecoder();
    this.rest = "";
    this.pieces = [...element.childNodes].map((node) => [node, node.data.split("\n").length]);
    this.lines = this.pieces.reduce((sum, [, lines]) => sum + lines, 0);
  }

  take(bytes) {
    this.offset += bytes.length;
    const text = this.rest + this.decoder.decode(bytes, { stream: true });
    const end = text.length > 65536 ? text.length : text.lastIndexOf("\n") + 1;
    this.rest = text.slice(end);
    if (end) this.show(shown(text.slice(0, end)));
  }

  show(text) {
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
    const node = document.createTextNode(text);
    const lines = text.split("\n").length - 1;
    this.element.append(node);
    this.pieces.push([node, lines]);
    this.lines += lines;
    while (this.lines > LINES && this.pieces.length > 1) {
      const [oldest, fewer] = this.pieces.shift();
      oldest.remove();
      this.lines -= fewer;
    }
    if (atEnd) scrollTo(0, document.documentElement.scrollHeight);
  }

  async follow(signal) {
    while (!signal.aborted) {
      const address = new URL(this.element.dataset.follow, location.href);
      address.searchParams.set("offset", this.offset);
      try {
        await stream(address, signal, (piece) => this.take(piece));
        this.show(shown(this.rest));
        document.querySelector("#end").textContent = "The log ends here.";
        delete this.element.dataset.follow;
        return;
      } catch { await pause(RETRY, signal); }
    }
  }
}

// What goes on while the page is seen.

const element = document.querySelector("#log[data-follow]");
const log = element && new Log(element);

function begin(first) {
  if (showing) return;
  showing = new AbortController();
  const { signal } = showing;
  if (!first && part()) refresh(signal).catch(() => {});
  followEvents(signal);
  refreshOften(signal);
  if (log?.element.dataset.follow) log.follow(signal);
}

function end() {
  showing?.abort();
  showing = null;
}

dress();
setInterval(() => { if (!document.hidden) dress(); }, 10000);
document.addEventListener("visibilitychange", () => (document.hidden ? end() : begin(false)));
addEventListener("pagehide", end);
addEventListener("pageshow", (event) => { if (event.persisted) begin(false); });
if (!document.hidden) begin(true);
