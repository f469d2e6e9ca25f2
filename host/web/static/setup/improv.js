// Improv Wi-Fi (improv-wifi.com; SPEC section 16): what is said, whichever way it travels.

export const STATE = { authorizationRequired: 1, authorized: 2, provisioning: 3, provisioned: 4 };
export const COMMAND = { wifi: 1, identify: 2, currentState: 2, info: 3, scan: 4, hostname: 5 };
export const CAPABILITY = { identify: 1, info: 2, scan: 4, hostname: 8 };
export const DATA_BYTES_MAX = 255;
export const JOIN_MS = 45000; // a board gives up after 30 s, and says so

const WORDS = {
  1: "The board did not understand what this page sent.",
  2: "The board does not know this command.",
  3: "The board could not join. Is the password right, and the network in its reach (2.4 GHz)?",
  4: "The board wants a press of its button first.",
  5: "A name has 1 to 32 letters, digits and dashes, no dash at its ends.",
  255: "The board could not keep the settings, or is busy with others.",
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A refusal of the board; `code` is Improv's. */
export class ImprovError extends Error {
  constructor(code) {
    super(WORDS[code] || `The board refused (error ${code}).`);
    this.code = code;
  }
}

/** The board went away, or did not answer in time. */
export class Gone extends Error {}

/** Texts as Improv carries them: each behind its length in bytes. */
export function packed(texts) {
  return texts.flatMap((text) => {
    const bytes = encoder.encode(text);
    return [bytes.length, ...bytes];
  });
}

/** The sum at the end of a command, a result and a frame. */
export const sum = (bytes) => bytes.reduce((total, byte) => (total + byte) & 255, 0);

/** A command without its sum: [command, length, ...data]. */
export function command(number, data) {
  if (data.length > DATA_BYTES_MAX) throw new ImprovError(1);
  return [number, data.length, ...data];
}

/** {command, texts} of a result without its sum; null where it is not whole. */
export function result(bytes) {
  const [number, length] = bytes;
  if (bytes.length < 2 || bytes.length < 2 + length) return null;
  const texts = [];
  for (let at = 2; at < 2 + length; at += 1 + bytes[at]) {
    if (at + 1 + bytes[at] > 2 + length) return null;
    texts.push(decoder.decode(Uint8Array.from(bytes.slice(at + 1, at + 1 + bytes[at]))));
  }
  return { command: number, texts };
}

/** Networks of a scan's texts (name, dBm, protection), each name once, the strongest first. */
export function networks(texts) {
  const found = new Map();
  for (let at = 0; at + 2 < texts.length; at += 3) {
    const [name, dbm, protection] = texts.slice(at, at + 3);
    const seen = found.get(name);
    if (name && (!seen || seen.dbm < Number(dbm))) {
      found.set(name, { name, dbm: Number(dbm), isOpen: protection === "NO" });
    }
  }
  return [...found.values()].sort((one, other) => other.dbm - one.dbm);
}

/**
 * A board that is spoken to over a link: Bluetooth or serial. One question at a time.
 *
 * A link has `capabilities`, `begin()`, `send(command)`, `close()`, and `hasMore(number, texts)`: whether after this
 * result another one follows for the same question. It calls `heard({state, error, result, gone})` with what it learned.
 */
export class Board {
  constructor(link) {
    this.state = 0;
    this.changed = () => {};
    this._link = link;
    this._open = null;
    link.heard = (news) => this._hear(news);
  }

  can(capability) {
    return Boolean(this._link.capabilities & capability);
  }

  /** Learn the state there is now. */
  begin() {
    return this._link.begin();
  }

  async identify() {
    await this._link.send(command(COMMAND.identify, []));
  }

  /** {firmware, version, model, name} */
  async info() {
    const [firmware, version, model, name] = await this._ask(COMMAND.info, []);
    return { firmware, version, model, name };
  }

  async scan() {
    return networks(await this._ask(COMMAND.scan, [], 20000));
  }

  async rename(name) {
    await this._ask(COMMAND.hostname, packed([name]));
  }

  /** Hand over a network. The address where the board is claimed, "" if it gives none. */
  async join(ssid, password) {
    const [address] = await this._ask(COMMAND.wifi, packed([ssid, password]), JOIN_MS);
    return address || "";
  }

  close() {
    this._link.close();
  }

  _ask(number, data, wait_ms = 10000) {
    return new Promise((resolve, reject) => {
      const ended = (act, value) => {
        clearTimeout(timer);
        this._open = null;
        act(value);
      };
      const timer = setTimeout(() => ended(reject, new Gone("The board does not answer.")), wait_ms);
      this._open = {
        number,
        texts: [],
        answer: (value) => ended(resolve, value),
        refuse: (error) => ended(reject, error),
      };
      this._link.send(command(number, data)).catch((error) => this._open?.refuse(error));
    });
  }

  _hear({ state, error, result: answer, gone }) {
    if (state !== undefined && state !== this.state) {
      this.state = state;
      this.changed(state);
    }
    if (error) this._open?.refuse(new ImprovError(error));
    if (answer && answer.command === this._open?.number) this._take(answer.texts);
    if (gone) this._open?.refuse(new Gone("The board went away."));
    if (gone) this.changed(0);
  }

  _take(texts) {
    const open = this._open;
    open.texts.push(...texts);
    if (!this._link.hasMore(open.number, texts)) open.answer(open.texts);
  }
}
