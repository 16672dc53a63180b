import type { EntityGroup, TokenEntity } from "@kcbert/pipelines";

/** What was found in a text, in Hugging Face's names. */
export function entityJson(entity: EntityGroup | TokenEntity): object {
  const { score, word, start, end } = entity;
  return "entityGroup" in entity
    ? { entity_group: entity.entityGroup, score, word, start, end }
    : { entity: entity.entity, score, index: entity.index, word, start, end };
}

/** A vector as the base64 of its little-endian float32. */
export function base64(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(4 * vector.length));
  for (const [i, value] of vector.entries()) view.setFloat32(4 * i, value, true);
  const bytes = new Uint8Array(view.buffer);
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8_192)
    binary += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  return btoa(binary);
}
