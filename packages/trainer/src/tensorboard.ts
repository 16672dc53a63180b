/**
 * TensorBoard's event files: TFRecords of `Event` messages, without TensorFlow.
 *
 * A record is its length (uint64), the masked CRC-32C of that, the bytes, and their masked CRC-32C, all little-endian
 * (`tensorflow/core/lib/io/record_writer.h`). The bytes are a protocol buffer of `tensorflow/core/util/event.proto`, of which
 * a scalar takes three fields. The file's name must hold `tfevents`.
 */

/** What TensorBoard shows at one step. */
export interface TensorBoardEvent {
  /** When, in milliseconds since 1970. */
  readonly time: number;
  /** Steps taken. */
  readonly step: number;
  /** Values by tag, such as `train/loss`; what is before the slash groups them. */
  readonly scalars: Readonly<Record<string, number>>;
}

/**
 * Encode events as the bytes of an event file, to be appended to one; a file begins with `tensorBoardHeader`.
 *
 * @param events In order.
 * @returns The records.
 *
 * @example
 * ```ts
 * import { tensorBoardEvents, tensorBoardHeader } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const header = tensorBoardHeader(0);
 * const bytes = tensorBoardEvents([{ time: 1000, step: 7, scalars: { "train/loss": 2.5 } }]);
 * assert.equal(new DataView(header.buffer).getUint32(0, true), header.length - 16);
 * assert.ok(new TextDecoder().decode(bytes).includes("train/loss"));
 * ```
 */
export function tensorBoardEvents(events: Iterable<TensorBoardEvent>): Uint8Array<ArrayBuffer> {
  return concatenated(Array.from(events, (event) => record(eventMessage(event))));
}

/**
 * The first record of an event file.
 *
 * @param time Of the file, in milliseconds since 1970.
 *
 * @example
 * ```ts
 * import { tensorBoardHeader } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.ok(new TextDecoder().decode(tensorBoardHeader(0)).includes("brain.Event:2"));
 * ```
 */
export function tensorBoardHeader(time: number): Uint8Array<ArrayBuffer> {
  return record(concatenated([doubleField(1, time / 1000), bytesField(3, encoder.encode("brain.Event:2"))]));
}

// --- internal ---

const encoder = new TextEncoder();

/** `Event`: 1 wall_time, 2 step, 5 summary. */
function eventMessage({ time, step, scalars }: TensorBoardEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) => bytesField(1, valueMessage(tag, value)));
  return concatenated([
    doubleField(1, time / 1000),
    varintField(2, step),
    bytesField(5, concatenated(values)),
  ]);
}

/** `Summary.Value`: 1 tag, 2 simple_value. */
function valueMessage(tag: string, value: number): Uint8Array {
  return concatenated([bytesField(1, encoder.encode(tag)), floatField(2, value)]);
}

function varintField(field: number, value: number): Uint8Array {
  return Uint8Array.of(field << 3, ...varint(value));
}

function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = (field << 3) | 1;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = (field << 3) | 5;
  new DataView(bytes.buffer).setFloat32(1, value, true);
  return bytes;
}

function bytesField(field: number, value: Uint8Array): Uint8Array {
  return concatenated([Uint8Array.of((field << 3) | 2, ...varint(value.length)), value]);
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return [...bytes, left];
}

function record(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return bytes;
}

/** TFRecord's mask: rotated right by 15, and a constant added. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), reflected. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
