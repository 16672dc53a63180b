import { expect, test } from "vitest";
import { joinedMetrics, Metrics } from "./metrics.ts";

test("joinedMetrics() adds up what several processes tell, series by series, one metric after another", () => {
  const gauges = { te_queue_size: () => 2, kcbert_models_loaded: () => 1, kcbert_model_bytes: () => 100 };
  const [one, other] = [new Metrics(gauges), new Metrics(gauges)];
  one.count("te_request_count", { method: "single" });
  other.count("te_request_count", { method: "single" });
  other.count("te_request_count", { method: "batch" }); // a series that only one of them has
  one.observe("te_request_duration", 0.004);
  other.observe("te_request_duration", 0.5);
  const joined = joinedMetrics([one.text(), other.text()]);
  expect(joined).toContain('te_request_count{method="single"} 2\nte_request_count{method="batch"} 1\n');
  expect(joined).toContain('te_request_duration_bucket{le="0.005"} 1\n');
  expect(joined).toContain('te_request_duration_bucket{le="+Inf"} 2\nte_request_duration_sum 0.504\n');
  expect(joined).toContain("te_queue_size 4\n");
  expect(joinedMetrics([one.text()])).toBe(one.text());
  const helps = joined.match(/^# HELP \w+/gm)!;
  expect(new Set(helps).size).toBe(helps.length);
});
