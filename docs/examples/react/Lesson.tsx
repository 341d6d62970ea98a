import { useRef, useState } from "react";
import { StrideScope } from "./StrideScope";

export function Lesson() {
  const figure = useRef<StrideScopeElement>(null);
  const [node, setNode] = useState("layer2.0");
  const [predictions, setPredictions] = useState<Stridescope.Prediction[]>([]);

  const ask = async () => {
    setPredictions((await figure.current?.classify("assets/samples/coffee.png", { models: ["tiny-a", "tiny-d"] })) ?? []);
  };

  return (
    <>
      <button onClick={() => setNode("layer3.0")}>On to the third stage</button>
      <button onClick={ask}>Is this coffee?</button>
      <p>You are looking at <b>{node}</b>.</p>
      <ul>{predictions.map(({ net, top }) => <li key={net}>{net}: {top[0]?.label}</li>)}</ul>
      {/* The visitor may choose another layer in the figure, and the state of this page follows. */}
      <StrideScope
        ref={figure}
        figure="architecture"
        models="resnet50-a,resnet50-d"
        node={node}
        onstridescope-state={({ detail }) => setNode(detail.node)}
      />
    </>
  );
}
