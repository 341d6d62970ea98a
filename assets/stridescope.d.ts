// Types of Stridescope's API, version 1; docs/embedding.md of the repository tells how it is used. Put this file beside your own sources: what it
// declares is global, as what it describes is.

interface Window {
  /** Only Stridescope's own page and frames have it. */
  readonly stridescope?: Stridescope.Api;
}

declare namespace Stridescope {
  type Figure = "architecture" | "strides" | "features" | "field" | "cost" | "predict";
  type Sample = "chelsea" | "coffee" | "camera" | "rocket" | "clock_motion" | "astronaut" | "grace_hopper";

  /** Everything that a figure shows: the parameters of a link, each with its value. */
  interface State {
    /** One to four networks: `resnet50-d`, `tiny-a`. */
    models: string[];
    /** The layer, block or stage under study, as timm calls it: `layer2.0.conv1`. */
    node: string;
    /** The stages and blocks that the diagrams open; null for none. */
    open: string | null;
    /** Null while a picture of the visitor's own is shown. */
    image: Sample | null;
    /** Side of the input in pixels; null for what each network's weights ask for. */
    size: number | null;
    /** Pixels that the picture is moved to the left, up to 32. */
    shift: number;
    /** What is changed to see where the change goes, `layer,row,column,side,zero|white|noise`. */
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
    /** Which kernels convolve on WebGPU: Stridescope's own, burn's, or whichever suits the adapter. */
    kernels: "auto" | "stock" | "tiled";
    theme: "auto" | "light" | "dark";
    lang: "auto" | "en" | "ko";
    /** The figure that stands alone; null in the whole page. Only a link chooses it. */
    embed: Figure | null;
    controls: boolean;
    autorun: boolean;
  }

  /** Some of the state. Null is the default; lists may be written with commas, numbers and switches as in a link. */
  type Change = { [K in keyof State]?: State[K] | Written<State[K]> | null };
  type Written<T> = T extends string[] ? string : T extends number ? `${number}` : T extends boolean ? "0" | "1" : never;

  /** One class of a network's five likeliest. */
  interface Class {
    /** Its number among those that the network knows. */
    index: number;
    label: string;
    /** Its probability, from 0 to 1. */
    p: number;
  }

  /** What one network says of a picture. */
  interface Prediction {
    net: string;
    /** The likeliest first. */
    top: Class[];
    ms: number;
    backend: string;
  }

  interface ClassifyOptions {
    /** Those that the figure shows, unless given. */
    models?: string[] | string;
  }

  /** What `on` of the page's own API can listen to, and what listeners get. */
  interface Events {
    state: State;
    prediction: Prediction[];
    error: string;
    /** In pixels; of a figure that stands alone. */
    height: number;
  }

  /** `window.stridescope`, for scripts that share a window with Stridescope. */
  interface Api {
    readonly version: "1";
    readonly ready: Promise<void>;
    state(): State;
    /** Throws a RangeError, and changes nothing, where a value makes no sense. */
    set(change: Change): void;
    /** Of an address, only those of the page's own site, `data:` and `blob:`. Rejects with a RangeError. */
    classify(image: Blob | string, options?: ClassifyOptions): Promise<Prediction[]>;
    /** Returns what ends this listening; called again it does nothing. Throws a TypeError where the listener is no function. */
    on<K extends keyof Events>(type: K, listener: (value: Events[K]) => void): () => void;
  }

  /** What tells the answer to one request from the next; it comes back as it was sent. */
  type Id = string | number;

  /** What a page may send to a figure's frame. */
  type Request =
    | { stridescope: 1; type: "set"; state: Change; id?: Id }
    | { stridescope: 1; type: "state"; id?: Id }
    | { stridescope: 1; type: "classify"; image: Blob | string; models?: string[] | string; id?: Id };

  /** What a figure's frame sends to the page around it. One with an `id` is the answer to the request of that `id`. */
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
  /** Null until the figure has said it, which `stridescope-ready` tells. */
  readonly state: Stridescope.State | null;
  /** A promise of the state afterwards. Rejects with a RangeError, and changes nothing, where a value makes no sense. */
  set(change: Stridescope.Change): Promise<Stridescope.State>;
  /** A picture's own bytes, or its address at the site or as `data:`. */
  classify(image: Blob | string, options?: Stridescope.ClassifyOptions): Promise<Stridescope.Prediction[]>;
}

interface HTMLElementTagNameMap {
  "stride-scope": StrideScopeElement;
}

/** They bubble, so that a document and a window hear them as well; HTMLElementEventMap has them from here. */
interface GlobalEventHandlersEventMap {
  "stridescope-ready": CustomEvent<null>;
  "stridescope-state": CustomEvent<Stridescope.State>;
  "stridescope-prediction": CustomEvent<Stridescope.Prediction[]>;
  "stridescope-error": CustomEvent<string>;
}
