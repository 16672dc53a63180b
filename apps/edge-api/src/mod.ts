/**
 * KcBERT over HTTP: one Hono app, as a function of `Request`, that an entry gives models, a training run and a page.
 *
 * `src/entries/` holds the programs that serve it; nothing else in this folder knows a runtime.
 *
 * @module
 */
export { createApp } from "./app.ts";
export type { AppEnv, AppOptions } from "./app.ts";
export { ApiError } from "./api_error.ts";
export type { ApiErrorOptions, ErrorBody, ErrorType, OpenAiErrorBody } from "./api_error.ts";
export type { Auth } from "./auth.ts";
export { systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export type { NumberedEvent } from "./event_history.ts";
export { defaultLimits } from "./limits.ts";
export type { Limits } from "./limits.ts";
export type { Log, LogRecord } from "./log.ts";
export type { ModelVersion, ServedModel } from "./models.ts";
export { runModel } from "./run_model.ts";
export type { CleanJson } from "./routes/clean.ts";
export type { ClientOf } from "./rate_limit.ts";
export type { AnalysisJson, SpanJson } from "./routes/analyze.ts";
export type { Explanation, WordWeight } from "./explain.ts";
export type { FillMaskJson } from "./routes/hugging_face.ts";
export type { ModelTask, Task } from "./task.ts";
export type { HealthJson, ModelHealthJson, TrainingHealthJson } from "./routes/health.ts";
export type { PageFile, PageSource } from "./routes/page.ts";
export type {
  EndEvent,
  EvalEvent,
  SamplesEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
} from "./training_event.ts";
export { TrainingRun } from "./training_run.ts";
export type {
  MetricsChunk,
  TrainingFolder,
  TrainingNews,
  TrainingRunOptions,
  TrainingState,
} from "./training_run.ts";
