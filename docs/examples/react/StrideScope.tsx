import type { DetailedHTMLProps, HTMLAttributes, JSX } from "react";

const SITE = "https://stridescope.example/";

type Listeners = {
  [K in keyof HTMLElementEventMap as K extends `stridescope-${string}` ? `on${K}` : never]?: (event: HTMLElementEventMap[K]) => void;
};

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "stride-scope": DetailedHTMLProps<HTMLAttributes<StrideScopeElement>, StrideScopeElement> & Stridescope.Attributes & Listeners;
    }
  }
}

/** A figure of Stridescope. React loads the script once, however many figures there are. */
export function StrideScope(props: JSX.IntrinsicElements["stride-scope"]) {
  return (
    <>
      <script src={`${SITE}stride-scope.js`} async />
      <stride-scope {...props} />
    </>
  );
}
