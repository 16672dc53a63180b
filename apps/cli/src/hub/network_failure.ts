import { errorCode, sentence } from "../failure.ts";

/** Why a server could not be reached, or was lost, in words; every runtime says it in another way. */
export function networkReason(error: unknown): string {
  const inner = innermost(error);
  const code = errorCode(inner);
  return (code === undefined ? undefined : NETWORK_REASONS[code]) ?? sentence(inner);
}

/** A certificate does not become valid by asking again. */
export function isHopeless(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(errorCode(innermost(error)) ?? "");
}

/** A server's address for messages: without the query, which may hold a signature. */
export function hostOf(url: string): string {
  return new URL(url).origin;
}

// --- internal ---

/** The first reason with a code, or the innermost one: fetch wraps them. */
function innermost(error: unknown): unknown {
  const coded = errorCode(error) !== undefined && errorCode(error) !== "ERR_INVALID_ARG_TYPE";
  return error instanceof Error && error.cause !== undefined && !coded ? innermost(error.cause) : error;
}

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name cannot be resolved; is there a network?",
  EAI_AGAIN: "its name cannot be resolved; is there a network?",
  ECONNREFUSED: "it refuses the connection",
  ConnectionRefused: "it refuses the connection",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  ENETUNREACH: "there is no way to it; is there a network?",
  EHOSTUNREACH: "there is no way to it; is there a network?",
  ETIMEDOUT: "it does not answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
  UND_ERR_HEADERS_TIMEOUT: "it does not answer",
};
