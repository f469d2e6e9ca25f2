// Improv over the serial port.
import * as improv from "./improv.js";

const MAGIC = [..."IMPROV"].map((letter) => letter.charCodeAt(0));
const VERSION = 1;
const TYPE = { state: 1, error: 2, command: 3, result: 4 };
const HEAD = MAGIC.length + 3; // version, type, length
const BAUD = 115200;
const TRIES = 30; // a second each: opening the port may have reset the board, which then starts
const TRY_MS = 1000;

export const isThere = () => "serial" in navigator;

/** Let the person choose a port; a link to its board. Rejects with NotFoundError if none is chosen. */
export async function choose() {
  const port = await navigator.serial.requestPort();
  await port.open({ baudRate: BAUD });
  const link = new Link(port);
  link.open();
  return link;
}

/** A frame around some data. */
export function frame(type, data) {
  const bytes = [...MAGIC, VERSION, type, data.length, ...data];
  return [...bytes, improv.sum(bytes), 10];
}

/** Takes frames out of whatever a board prints. `feed(bytes)` gives [{type, data}, …]; damaged ones are skipped. */
export class Frames {
  constructor() {
    this._bytes = [];
  }

  feed(bytes) {
    this._bytes.push(...bytes);
    const found = [];
    for (let one = this._next(); one; one = this._next()) if (one.data) found.push(one);
    return found;
  }

  _next() {
    const bytes = this._bytes;
    while (bytes.length && !MAGIC.every((byte, at) => at >= bytes.length || bytes[at] === byte)) bytes.shift();
    const whole = HEAD + bytes[HEAD - 1] + 1;
    if (bytes.length < HEAD || bytes.length < whole) return null;
    const [type, data] = [bytes[MAGIC.length + 1], bytes.slice(HEAD, whole - 1)];
    const isGood = bytes[MAGIC.length] === VERSION && improv.sum(bytes.slice(0, whole - 1)) === bytes[whole - 1];
    bytes.splice(0, isGood ? whole : 1);
    return isGood ? { type, data } : {};
  }
}

class Link {
  constructor(port) {
    this.heard = () => {};
    this.capabilities = improv.CAPABILITY.info | improv.CAPABILITY.scan | improv.CAPABILITY.hostname;
    this._port = port;
    this._isOpen = true;
    this._hasAnswered = false;
  }

  open() {
    this._reader = this._port.readable.getReader();
    this._writer = this._port.writable.getWriter();
    this._listen();
  }

  /** Ask for the state until it comes. */
  async begin() {
    for (let tries = 0; tries < TRIES && this._isOpen && !this._hasAnswered; tries++) {
      await this.send(improv.command(improv.COMMAND.currentState, []));
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    }
    if (!this._hasAnswered) throw new improv.Gone("Nothing that speaks Improv answers at this port. Hold the board's button for 5 s and try again.");
  }

  async send(command) {
    await this._writer.write(Uint8Array.from(frame(TYPE.command, command)));
  }

  hasMore(number, texts) {
    return number === improv.COMMAND.scan && texts.length > 0; // one each, and an empty one at the end
  }

  async close() {
    if (!this._isOpen) return;
    this._isOpen = false;
    await this._reader.cancel().catch(() => {});
    this._writer.releaseLock();
    await this._port.close().catch(() => {});
  }

  async _listen() {
    const frames = new Frames();
    try {
      for (let part = await this._reader.read(); !part.done; part = await this._reader.read()) {
        for (const { type, data } of frames.feed(part.value)) this._tell(type, data);
      }
    } catch {
      // unplugged
    }
    this._reader.releaseLock();
    if (this._isOpen) this.heard({ gone: true });
  }

  _tell(type, data) {
    this._hasAnswered = true;
    if (type === TYPE.state) this.heard({ state: data[0] });
    if (type === TYPE.error) this.heard({ error: data[0] });
    if (type === TYPE.result) this.heard({ result: improv.result(data) });
  }
}
