/** What the bundle's entry for Node serves with. */
export { getRequestListener } from "@hono/node-server";
export { withReason } from "../_node_reason.ts";
