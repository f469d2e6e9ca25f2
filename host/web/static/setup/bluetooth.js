// Improv over Bluetooth Low Energy.
import * as improv from "./improv.js";

const SERVICE = "00467768-6228-2272-4663-277478268000";
const PARTS = ["state", "error", "command", "result", "capabilities"];
const TOLD = ["state", "error", "result"];
const POLL_MS = 1000; // some phones lose notifications, so we also look
const PATIENCE_MS = 2000; // the result that stands there before may be of the question before

export const isThere = () => "bluetooth" in navigator;

/** Let the person choose a board nearby; a link to it. Rejects with NotFoundError if nobody is chosen. */
export async function choose() {
  const device = await navigator.bluetooth.requestDevice({ filters: [{ services: [SERVICE] }] });
  const link = new Link(device);
  await link.open();
  return link;
}

const uuid = (part) => SERVICE.slice(0, -1) + (PARTS.indexOf(part) + 1);
const bytesOf = (view) => [...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)];

class Link {
  constructor(device) {
    this.heard = () => {};
    this.capabilities = 0;
    this._device = device;
    this._parts = {};
    this._timer = 0;
    this._asked_at = 0;
    this._last = {};
  }

  async open() {
    this._device.addEventListener("gattserverdisconnected", () => this._end());
    const server = await this._device.gatt.connect();
    const service = await server.getPrimaryService(SERVICE);
    for (const part of PARTS) this._parts[part] = await service.getCharacteristic(uuid(part));
    [this.capabilities] = bytesOf(await this._parts.capabilities.readValue());
    for (const part of TOLD) await this._listen(part);
  }

  /** Say the state there is now. */
  async begin() {
    await this._parts.state.readValue(); // each read tells, as a notification does
    this._look();
  }

  async send(command) {
    const bytes = Uint8Array.from([...command, improv.sum(command)]);
    this._asked_at = Date.now();
    await this._parts.command.writeValueWithResponse(bytes);
  }

  hasMore() {
    return false; // one result is the whole answer
  }

  close() {
    clearTimeout(this._timer);
    this._device.gatt.disconnect();
  }

  async _listen(part) {
    const characteristic = this._parts[part];
    characteristic.addEventListener("characteristicvaluechanged", (event) => this._tell(part, event.target.value));
    await characteristic.startNotifications();
  }

  _look() {
    this._timer = setTimeout(async () => {
      try {
        for (const part of this._due()) await this._parts[part].readValue();
        this._look();
      } catch {
        if (!this._device.gatt.connected) this._end();
        else this._look(); // a read that met another one
      }
    }, POLL_MS);
  }

  _due() {
    return Date.now() - this._asked_at < PATIENCE_MS ? ["state", "error"] : TOLD;
  }

  _tell(part, view) {
    const bytes = bytesOf(view);
    if (part === "result") return this.heard({ result: improv.result(bytes.slice(0, -1)) });
    if (!bytes.length || bytes[0] === this._last[part]) return; // an old error is none of the next question
    this._last[part] = bytes[0];
    this.heard({ [part]: bytes[0] });
  }

  _end() {
    clearTimeout(this._timer);
    this.heard({ gone: true });
  }
}
