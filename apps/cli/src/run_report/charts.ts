import { type LineChart, lineChart } from "./line_chart.ts";
import type { RunMetrics } from "./metrics.ts";

/** The curves that a pretraining is judged by: losses, in nats, against steps. */
export function lossChart({ starts, steps, evaluations }: RunMetrics): string {
  return lineChart({
    title: "Masked-LM loss",
    xLabel: "step",
    yLabel: "nats",
    series: [
      { name: "training", colour: "a", smooth: true, points: steps.map(({ step, loss }) => [step, loss]) },
      {
        name: "held out",
        colour: "b",
        dots: true,
        points: evaluations.map(({ step, loss }) => [step, loss]),
      },
    ],
    baseline: { name: "unigram model", y: starts.at(-1)!.unigramLoss },
  });
}

/** What else there is to see of a run. */
export function otherCharts({ steps, evaluations }: RunMetrics): string[] {
  const charts: LineChart[] = [
    {
      title: "Held-out accuracy",
      xLabel: "step",
      yLabel: "%",
      series: [
        {
          name: "masked words guessed",
          colour: "b",
          dots: true,
          points: evaluations.map(({ step, accuracy }) => [step, accuracy * 100]),
        },
      ],
    },
    {
      title: "Learning rate",
      xLabel: "step",
      yLabel: "",
      series: [
        {
          name: "learning rate",
          colour: "c",
          points: steps.map(({ step, learningRate }) => [step, learningRate]),
        },
      ],
    },
    {
      title: "Global norm of the gradients, before clipping",
      xLabel: "step",
      yLabel: "",
      series: [
        {
          name: "norm",
          colour: "d",
          smooth: true,
          points: steps.map(({ step, gradNorm }) => [step, gradNorm]),
        },
      ],
    },
    {
      title: "Speed",
      xLabel: "step",
      yLabel: "tokens/s",
      series: [
        {
          name: "tokens/s, padding not counted",
          colour: "a",
          smooth: true,
          points: steps.map(({ step, tokensPerSecond }) => [step, tokensPerSecond]),
        },
      ],
    },
  ];
  return charts.map(lineChart);
}
