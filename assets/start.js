// Starts the page: the build writes into this script's tag where the files of the page's version are, and what it needs to check them.
const isEmbed = window.parent !== window || new URLSearchParams(location.search).has("embed");
const { js, wasm, engine, integrity = "", version } = document.querySelector("script[data-wasm]").dataset;

// On a visit where everything is on the device already, the engine starts beside the page, which takes it over (`early` in src/engine_client/client.rs).
// On the first one the page's own files come first, and a figure in another page may never need it.
if (!isEmbed && window.origin !== "null" && navigator.serviceWorker?.controller) {
  try {
    const early = { worker: new Worker(new URL(engine, document.baseURI), { type: "module" }), isReady: false };
    early.worker.onmessage = () => { early.isReady = true; };
    // The page starts another.
    early.worker.onerror = () => { delete window.stridescopeEngine; };
    window.stridescopeEngine = early;
  } catch {
    // The page will find out when it needs one.
  }
}
start();

/// Not in the module itself: where a frame is taken out of its page while a module of its waits, WebKit goes on with that module for ever, and
/// the page around answers no more.
async function start() {
  try {
    // A host whose policy is of an older version did not let it run where it stands in the page.
    if (!globalThis.stridescopeRelease) await import("./boot.js");
    await painted();
    const code = fetch(new URL(wasm, document.baseURI), { integrity });
    const { default: init } = await import(new URL(js, document.baseURI));
    await init({ module_or_path: code });
  } catch (error) {
    globalThis.stridescopeRelease?.lost();
    throw error;
  }

  // A figure in another page leaves nothing on the device, and a page without an origin cannot.
  if (!isEmbed && window.origin !== "null" && "serviceWorker" in navigator) {
    workOffline(navigator.serviceWorker).catch((error) => console.warn(`This page will not work offline: ${error.message}`));
  }
}

/// Waits for the first words of index.html to be on the screen, so that they share the line with nothing; a tab or a frame out of sight paints
/// nothing, and goes on soon.
function painted() {
  const PATIENCE_MS = 200;
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, PATIENCE_MS);
  });
}

/// Has sw.js keep the site on this device, and tells the page, by `stridescope-update` on window, when another version of it lies ready:
/// `detail()` changes over to it and loads the page again.
async function workOffline(container) {
  const HOUR_MS = 3_600_000;
  // The first answer goes before.
  const PAUSE_MS = 3_000;
  let isChosen = false;
  const offer = async (worker, apply) => {
    // A page that came from the network may be of that version already.
    if (await versionOf(worker) !== version) dispatchEvent(new CustomEvent("stridescope-update", { detail: apply }));
  };
  const offerWaiting = (worker) => offer(worker, () => {
    isChosen = true;
    worker.postMessage("apply");
  });
  container.addEventListener("controllerchange", () => {
    // Where it was not chosen here, another tab did, or there was none before.
    if (isChosen) location.reload();
    else offer(container.controller, () => location.reload());
  });

  if (document.readyState !== "complete") await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const registration = await container.register(new URL("sw.js", document.baseURI), { updateViaCache: "none" });
  const follow = (worker) => worker?.addEventListener("statechange", () => {
    if (worker.state === "installed" && container.controller) offerWaiting(worker);
  });
  registration.addEventListener("updatefound", () => follow(registration.installing));
  follow(registration.installing);
  if (registration.waiting) offerWaiting(registration.waiting);

  // A page may stay open for days. Without a network the next hour will do.
  setInterval(() => registration.update().catch(() => {}), HOUR_MS);
  document.addEventListener("visibilitychange", () => container.controller?.postMessage("used"));
}

function versionOf(worker) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage("version", [port2]);
  });
}
