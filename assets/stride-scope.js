// <stride-scope figure="strides" models="resnet50-a,resnet50-b"></stride-scope>: embeds a figure of Stridescope in any page.
// Attributes are the parameters of a link and follow the figure's state; see docs/embedding.md. A classic script, so that it needs no CORS.
(() => {
  "use strict";
  const VERSION = 1;
  // The page's own copy is in the folder of its version.
  const SITE = new URL(document.currentScript.dataset.site ?? "./", document.currentScript.src).href;
  const IS_OURS = new URL("./", document.baseURI).href === SITE;
  const PARAMETERS = [
    "models", "node", "open", "image", "size", "shift", "probe", "at", "channel", "sort", "colours", "scale", "count", "level", "base", "backend", "kernels",
    "theme", "lang", "controls", "autorun",
  ];
  const SWITCHES = ["controls", "autorun"];
  // Heights in pixels until a figure reports its own.
  const FIGURES = { architecture: 900, strides: 820, features: 820, field: 560, cost: 1400, predict: 560 };
  // Scripts and links only; no origin, no storage, no access to the page around.
  const SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
  // A constructed stylesheet, which a strict style policy allows.
  const STYLE = new CSSStyleSheet();
  STYLE.replaceSync(":host { display: block } :host([hidden]) { display: none } iframe { display: block; width: 100%; border: 0 }");
  // Pending calls fail if the figure has not started by then.
  const PATIENCE_MS = 60_000;
  const text = (value) => (Array.isArray(value) ? value.join(",") : typeof value === "boolean" ? (value ? "1" : "0") : String(value));

  class StrideScope extends HTMLElement {
    static observedAttributes = ["figure", ...PARAMETERS];
    #frame = null;
    #state = null;
    #isReady = false;
    // Whether attributes changed after the frame's address was set.
    #isChanged = false;
    #waiting = [];
    #asked = new Map();
    // The figure's first state.
    #first = null;
    // Whether its state changed while the page's own changes were pending.
    #hasNews = false;
    #ids = 0;
    #patience;
    // Whether attributes are being set from the figure's own state.
    #reflecting = false;
    #hear = (event) => this.#heard(event);

    connectedCallback() {
      window.addEventListener("message", this.#hear);
      this.#build();
    }

    disconnectedCallback() {
      window.removeEventListener("message", this.#hear);
      this.#frame?.remove();
      this.#frame = null;
      this.#isReady = false;
      this.#fail("The figure was taken out of the page.");
    }

    attributeChangedCallback(name, before, now) {
      if (before === now || this.#reflecting || !this.#frame) return;
      if (name === "figure") this.#build();
      // A figure that has not started will read its attributes when it does.
      else if (!this.#isReady) this.#isChanged = true;
      else this.#change({ [name]: this.#written(name) });
    }

    /** The figure's state, once it is ready. */
    get state() {
      return this.#state;
    }

    /** Changes parameters; resolves to the new state. */
    set(partial) {
      this.#hurry();
      return this.#ask({ type: "set", state: partial });
    }

    /** Predictions for an image: a Blob, or an address of the site, data: or blob:. */
    classify(image, { models } = {}) {
      this.#hurry();
      return this.#ask({ type: "classify", image, models });
    }

    #build() {
      if (this.#frame) this.#fail("Another figure took its place.");
      const figure = this.getAttribute("figure") ?? "strides";
      const query = new URLSearchParams({ embed: figure });
      for (const name of PARAMETERS) if (this.hasAttribute(name)) query.set(name, this.#written(name));
      const frame = document.createElement("iframe");
      // In the site's own pages a figure uses the page's address, so that it works offline too.
      frame.setAttribute("sandbox", IS_OURS ? `${SANDBOX} allow-same-origin` : SANDBOX);
      frame.loading = "lazy";
      frame.title = this.getAttribute("title") ?? `Stridescope: ${figure}`;
      frame.style.height = `${FIGURES[figure] ?? 600}px`;
      frame.src = `${SITE}?${query}`;
      this.#frame = frame;
      this.#isReady = this.#isChanged = false;
      this.#first = null;
      const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [STYLE];
      root.replaceChildren(frame);
    }

    #change(state) {
      this.#ask({ type: "set", state }).catch((error) => this.#tell("error", error.message));
    }

    // A switch may be a boolean attribute: `autorun` is `autorun="1"`.
    #written(name) {
      const value = this.getAttribute(name);
      return value === "" && SWITCHES.includes(name) ? "1" : value;
    }

    // A figure out of view is loaded lazily, unless a call is pending.
    #hurry() {
      if (this.#frame) this.#frame.loading = "eager";
    }

    #send(message) {
      if (!this.#isReady) return void this.#waiting.push(message);
      // A sandboxed frame has no origin to name.
      this.#frame?.contentWindow?.postMessage({ stridescope: VERSION, ...message }, "*");
    }

    #ask(message) {
      const id = `${++this.#ids}`;
      return new Promise((resolve, reject) => {
        // What cannot be cloned throws here, before the call is pending.
        const copy = structuredClone({ ...message, id });
        this.#asked.set(id, { resolve, reject, isChange: message.type === "set" });
        this.#send(copy);
        if (!this.#isReady) this.#patience ??= setTimeout(() => this.#fail("The figure did not start. Check the connection, then load the page again."), PATIENCE_MS);
      });
    }

    #fail(sentence) {
      this.#waitNoMore();
      for (const { reject } of this.#asked.values()) reject(new Error(sentence));
      this.#asked.clear();
      this.#waiting = [];
    }

    #waitNoMore() {
      clearTimeout(this.#patience);
      this.#patience = undefined;
    }

    #heard({ source, data }) {
      if (!this.#frame || source !== this.#frame.contentWindow || data?.stridescope !== VERSION) return;
      const { type, id } = data;
      if (type === "ready") {
        this.#isReady = true;
        this.#waitNoMore();
        if (this.#isChanged) this.#change(Object.fromEntries(PARAMETERS.map((name) => [name, this.#written(name)])));
        this.#isChanged = false;
        // First, so that pending changes apply to a known state.
        this.#ask({ type: "state" }).then(() => this.#tell("ready"), () => {});
        for (const message of this.#waiting.splice(0)) this.#send(message);
      } else if (type === "height") {
        if (data.height > 0) this.#frame.style.height = `${data.height}px`;
      } else if (type === "state") {
        this.#state = data.state;
        this.#first ??= data.state;
        this.#settle(id, id === undefined);
      } else if (type === "prediction" && id === undefined) this.#tell("prediction", data.results);
      else if (type === "error") {
        if (id === undefined) this.#tell("error", data.message);
        else this.#settle(id, false);
      }
      this.#answer(data);
    }

    #answer({ type, id, state, results, message }) {
      const asked = this.#asked.get(id);
      if (!asked) return;
      this.#asked.delete(id);
      if (type === "error") asked.reject(new RangeError(message));
      else asked.resolve(results ?? state);
    }

    // Attributes and listeners get a state only when no change is pending: an older state would undo a newer attribute.
    #settle(id, isNews) {
      this.#hasNews ||= isNews;
      for (const [asked, { isChange }] of this.#asked) if (isChange && asked !== id) return;
      if (this.#state) this.#reflect(this.#state);
      if (!this.#hasNews) return;
      this.#hasNews = false;
      this.#tell("state", this.#state);
    }

    // An attribute that was never set stays unset while the figure has its initial value.
    #reflect(state) {
      this.#reflecting = true;
      for (const name of PARAMETERS) {
        const value = state[name];
        // `auto` is not a language.
        if (value === null || value === undefined || (name === "lang" && value === "auto")) this.removeAttribute(name);
        else if (this.hasAttribute(name) || text(value) !== text(this.#first[name])) this.setAttribute(name, text(value));
      }
      this.#reflecting = false;
    }

    #tell(type, detail) {
      this.dispatchEvent(new CustomEvent(`stridescope-${type}`, { detail, bubbles: true, composed: true }));
    }
  }

  if (!customElements.get("stride-scope")) customElements.define("stride-scope", StrideScope);
})();
