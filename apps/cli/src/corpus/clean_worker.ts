/** A thread that cleans blocks of lines; see `clean_block.ts`. */
import { blockCleaner, type CleanedBlock, type CleanSettings, type LineBlockTask } from "./clean_block.ts";
import { type Server, serveTasks } from "./worker_pool.ts";

const server: Server<CleanSettings, LineBlockTask, CleanedBlock> = {
  prepare: blockCleaner,
  transferred: ({ bytes }) => [bytes.buffer],
};

serveTasks(server);
