/** A thread that writes shards; see `write_shard.ts`. */
import { type Server, serveTasks } from "./worker_pool.ts";
import { type ShardSettings, type ShardTask, shardWriter, type WrittenShard } from "./write_shard.ts";

const server: Server<ShardSettings, ShardTask, WrittenShard> = { prepare: shardWriter };

serveTasks(server);
