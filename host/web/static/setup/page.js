// The page that gives a board its WiFi: one step is shown at a time.
import * as bluetooth from "./bluetooth.js";
import * as improv from "./improv.js";
import * as serial from "./serial.js";

const LINKS = { bluetooth, serial };
const OTHER = "other"; // in the list of networks: one that is typed
const CLAIM_PATH = "/claim";
const { STATE, CAPABILITY } = improv;

const part = (id) => document.getElementById(id);
const isDone = () => !part("step-done").hidden;

let board = null;

function show(step) {
  for (const section of document.querySelectorAll("[id^=step-]")) section.hidden = section.id !== "step-" + step;
  part("step-" + step).querySelector("h2").focus();
}

function say(text) {
  part("trouble").textContent = text;
  part("trouble").hidden = !text;
}

/** Do something a person asked for, saying what became of it. `back` is the step to go to when it fails. */
async function attempt(back, action) {
  say("");
  try {
    await action();
  } catch (error) {
    if (error.name === "NotFoundError") return show(back); // nothing was chosen
    say(error.name === "SecurityError" ? "This browser does not trust the page enough: see below." : error.message);
    show(error instanceof improv.Gone ? "start" : back);
  }
}

function connect(kind) {
  return attempt("start", async () => {
    show("connect");
    board?.close();
    const link = await LINKS[kind].choose();
    board = new improv.Board(link);
    board.changed = follow;
    await board.begin();
  });
}

/** What the page shows follows from the state the board is in. */
function follow(state) {
  if (isDone()) return;
  if (state === STATE.authorizationRequired) show("press");
  if (state === STATE.authorized) ready();
  if (state === 0) {
    show("start");
    say("The board went away. Come nearer, or hold its button for 5 s, and try again.");
  }
}

function ready() {
  if (!part("step-network").hidden) return;
  if (!part("step-join").hidden) return; // the answer to the question says how it went
  show("network");
  part("identify").hidden = !board.can(CAPABILITY.identify);
  part("name-row").hidden = !board.can(CAPABILITY.hostname);
  part("scan").hidden = !board.can(CAPABILITY.scan);
  attempt("network", describe);
}

async function describe() {
  if (board.can(CAPABILITY.info)) {
    const { model, name, firmware, version } = await board.info();
    part("board").textContent = `${name}: ${model}, ${firmware} ${version}`;
  }
  if (board.can(CAPABILITY.scan)) await scan();
  else offer([]);
}

async function scan() {
  part("scan").disabled = true;
  part("scan").textContent = "Looking…";
  try {
    offer(await board.scan());
  } finally {
    part("scan").disabled = false;
    part("scan").textContent = "Look again";
  }
}

function offer(networks) {
  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  const found = networks.map(({ name, dbm, isOpen }) => option("=" + name, `${name} (${bars(dbm)}${isOpen ? ", open" : ""})`));
  part("network").replaceChildren(...found, option(OTHER, "Another network…"));
  typed();
}

const bars = (dbm) => (dbm > -60 ? "strong" : dbm > -75 ? "fair" : "weak");

function typed() {
  const isTyped = part("network").value === OTHER;
  part("ssid-row").hidden = !isTyped;
  part("ssid").required = isTyped;
}

function join() {
  const chosen = part("network").value;
  const ssid = chosen === OTHER ? part("ssid").value : chosen.slice(1);
  const name = part("name").value.trim();
  return attempt("network", async () => {
    if (name && board.can(CAPABILITY.hostname)) await board.rename(name);
    part("joining").textContent = ssid;
    show("join");
    done(ssid, await board.join(ssid, part("password").value));
  });
}

function done(ssid, address) {
  part("joined").textContent = ssid;
  const target = claim(address);
  part("claim").hidden = !target;
  part("no-claim").hidden = Boolean(target);
  if (target) part("claim").href = target;
  part("password").value = "";
  show("done");
  board.close();
}

/** Where to claim: a board knows its host by an address, this browser perhaps by another name. */
function claim(address) {
  if (!URL.canParse(address)) return "";
  const { protocol, pathname, search } = new URL(address);
  if (protocol !== "https:" || pathname !== CLAIM_PATH) return "";
  return pathname + search;
}

function again() {
  for (const id of ["name", "ssid", "password"]) part(id).value = "";
  say("");
  show("start");
}

function begin() {
  for (const kind of Object.keys(LINKS)) {
    part(kind).hidden = !LINKS[kind].isThere();
    part(kind).addEventListener("click", () => connect(kind));
  }
  const canNeither = Object.values(LINKS).every((link) => !link.isThere());
  part("cannot").hidden = !canNeither;
  part("how").hidden = canNeither;
  part("network").addEventListener("change", typed);
  part("scan").addEventListener("click", () => attempt("network", scan));
  part("identify").addEventListener("click", () => attempt("network", () => board.identify()));
  part("reveal").addEventListener("change", ({ target }) => (part("password").type = target.checked ? "text" : "password"));
  part("again").addEventListener("click", again);
  part("step-network").querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    join();
  });
  window.addEventListener("pagehide", () => board?.close());
}

begin();
