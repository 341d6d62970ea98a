// Types of Stridescope's API, version 1; docs/embedding.md of the repository describes its use. Put this file beside your own sources: its
// declarations are global, as the API is.

interface Window {
  /** Exists in Stridescope's own page and frames only. */
  readonly stridescope?: Stridescope.Api;
}

declare namespace Stridescope {
  type Figure = "architecture" | "strides" | "features" | "field" | "cost" | "predict";
  type Sample = "chelsea" | "coffee" | "camera" | "rocket" | "clock_motion" | "astronaut" | "grace_hopper";

  /** The state of a figure: the parameters of a link, each with its value. */
  interface State {
    /** One to four networks: `resnet50-d`, `tiny-a`. */
    models: string[];
    /** The layer, block or stage under study, by timm's name: `layer2.0.conv1`. */
    node: string;
    /** The stages and blocks that the diagrams open; null for none. */
    open: string | null;
    /** Null while the visitor's own picture is shown. */
    image: Sample | null;
    /** Side of the input in pixels; null for the size that each network's weights ask for. */
    size: number | null;
    /** Shift of the picture to the left in pixels, up to 32. */
    shift: number;
    /** The edit whose effect is shown, `layer,row,column,side,zero|white|noise`. */
    probe: string | null;
    /** The place under study, `down,across` in thousandths of the picture. */
    at: string;
    channel: number;
    sort: "index" | "mean" | "max" | "difference";
    colours: "viridis" | "magma" | "grey" | "diverging";
    /** Whether each network has a colour scale of its own. */
    scale: "each" | "one";
    /** What is counted as an operation: `macs`, `flops`, either with additions (`macs-bn-relu-pool-add`), `fvcore`, `torchinfo`. */
    count: string;
    level: "stages" | "blocks" | "layers";
    /** The network that the others are compared with; null for the first. */
    base: string | null;
    backend: "auto" | "webgpu" | "cpu";
    /** The convolution kernels on WebGPU: Stridescope's own, burn's, or by the adapter. */
    kernels: "auto" | "stock" | "tiled";
    theme: "auto" | "light" | "dark";
    lang: "auto" | "en" | "ko";
    /** The embedded figure; null in the whole page. Only a link can set it. */
    embed: Figure | null;
    controls: boolean;
    autorun: boolean;
  }

  /** A part of the state. Null stands for the default; lists may be texts with commas, numbers and booleans texts as in a link. */
  type Change = { [K in keyof State]?: State[K] | Written<State[K]> | null };
  type Written<T> = T extends string[] ? string : T extends number ? `${number}` : T extends boolean ? "0" | "1" : never;

  /** One class of a network's top 5. */
  interface Class {
    /** Its index in the network's output. */
    index: number;
    label: string;
    /** Its probability, from 0 to 1. */
    p: number;
  }

  /** One network's prediction for an image. */
  interface Prediction {
    net: string;
    /** The most likely class first. */
    top: Class[];
    ms: number;
    backend: string;
  }

  interface ClassifyOptions {
    /** The networks; by default those that the figure shows. */
    models?: string[] | string;
  }

  /** The events of `on`, each with the value that its listeners get. */
  interface Events {
    state: State;
    prediction: Prediction[];
    error: string;
    /** In pixels; of an embedded figure. */
    height: number;
  }

  /** `window.stridescope`, for scripts that share a window with Stridescope. */
  interface Api {
    readonly version: "1";
    readonly ready: Promise<void>;
    state(): State;
    /** Throws a RangeError, and changes nothing, if a value is not valid. */
    set(change: Change): void;
    /** An address must be on the page's own site, or `data:` or `blob:`. Rejects with a RangeError. */
    classify(image: Blob | string, options?: ClassifyOptions): Promise<Prediction[]>;
    /** Returns a function that removes the listener; further calls of it do nothing. Throws a TypeError if the listener is not a function. */
    on<K extends keyof Events>(type: K, listener: (value: Events[K]) => void): () => void;
  }

  /** The id of a request; its answer has the same id. */
  type Id = string | number;

  /** The requests that a page can send to a figure's frame. */
  type Request =
    | { stridescope: 1; type: "set"; state: Change; id?: Id }
    | { stridescope: 1; type: "state"; id?: Id }
    | { stridescope: 1; type: "classify"; image: Blob | string; models?: string[] | string; id?: Id };

  /** The messages that a figure's frame sends to the page around it. A message with an `id` is the answer to the request with that `id`. */
  type Message =
    | { stridescope: 1; type: "ready" }
    | { stridescope: 1; type: "height"; height: number }
    | { stridescope: 1; type: "state"; state: State; id?: Id }
    | { stridescope: 1; type: "prediction"; results: Prediction[]; id?: Id }
    | { stridescope: 1; type: "error"; message: string; id?: Id };

  /** Attributes of `<stride-scope>`, as they are written. */
  type Attributes = { figure?: Figure } & {
    [K in Exclude<keyof State, "embed">]?: State[K] extends boolean
      ? "0" | "1"
      : State[K] extends string[]
        ? string
        : State[K] extends number | null
          ? number | `${number}`
          : NonNullable<State[K]>;
  };
}

/** `<stride-scope>`, which stride-scope.js of a site defines. */
interface StrideScopeElement extends HTMLElement {
  /** Null until the event `stridescope-ready`. */
  readonly state: Stridescope.State | null;
  /** Resolves to the new state. Rejects with a RangeError, and changes nothing, if a value is not valid. */
  set(change: Stridescope.Change): Promise<Stridescope.State>;
  /** The image is a file, or an address on the site or `data:`. */
  classify(image: Blob | string, options?: Stridescope.ClassifyOptions): Promise<Stridescope.Prediction[]>;
}

interface HTMLElementTagNameMap {
  "stride-scope": StrideScopeElement;
}

/** These events bubble, so that listeners of the document and the window receive them too; HTMLElementEventMap inherits them from here. */
interface GlobalEventHandlersEventMap {
  "stridescope-ready": CustomEvent<null>;
  "stridescope-state": CustomEvent<Stridescope.State>;
  "stridescope-prediction": CustomEvent<Stridescope.Prediction[]>;
  "stridescope-error": CustomEvent<string>;
}
