// Starts the page. The build writes the addresses and checksums of this version's files into the script's tag.
const isEmbed = window.parent !== window || new URLSearchParams(location.search).has("embed");
const { js, wasm, engine, integrity = "", version } = document.querySelector("script[data-wasm]").dataset;

// If everything is cached on the device, the engine starts in parallel, and the page adopts it (`early` in src/engine_client/client.rs).
// At the first visit the page's own files come first. An embedded figure may never need the engine.
if (!isEmbed && window.origin !== "null" && navigator.serviceWorker?.controller) {
  try {
    const early = { worker: new Worker(new URL(engine, document.baseURI), { type: "module" }), isReady: false };
    early.worker.onmessage = () => { early.isReady = true; };
    // The page then starts its own.
    early.worker.onerror = () => { delete window.stridescopeEngine; };
    window.stridescopeEngine = early;
  } catch {
    // The page reports it when it needs a worker.
  }
}
start();

/// Not at the top level of the module: if a frame is removed while its module awaits, WebKit keeps running that module forever, and
/// the embedding page hangs.
async function start() {
  try {
    // A host with an older version's policy blocked the inline copy.
    if (!globalThis.stridescopeRelease) await import("./boot.js");
    await painted();
    const code = fetch(new URL(wasm, document.baseURI), { integrity });
    const { default: init } = await import(new URL(js, document.baseURI));
    await init({ module_or_path: code });
  } catch (error) {
    globalThis.stridescopeRelease?.lost();
    throw error;
  }

  // An embedded figure stores nothing on the device, and a page without an origin cannot.
  if (!isEmbed && window.origin !== "null" && "serviceWorker" in navigator) {
    workOffline(navigator.serviceWorker).catch((error) => console.warn(`This page will not work offline: ${error.message}`));
  }
}

/// Waits for the first paint of index.html, so that no download competes with it. A hidden tab or frame paints nothing,
/// and continues after a short time.
function painted() {
  const PATIENCE_MS = 200;
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, PATIENCE_MS);
  });
}

/// Registers sw.js, which caches the site on this device. Dispatches `stridescope-update` on window when another version is ready:
/// `detail()` activates it and reloads the page.
async function workOffline(container) {
  const HOUR_MS = 3_600_000;
  // The first prediction has priority.
  const PAUSE_MS = 3_000;
  let isChosen = false;
  const offer = async (worker, apply) => {
    // A page loaded from the network may have that version already.
    if (await versionOf(worker) !== version) dispatchEvent(new CustomEvent("stridescope-update", { detail: apply }));
  };
  const offerWaiting = (worker) => offer(worker, () => {
    isChosen = true;
    worker.postMessage("apply");
  });
  container.addEventListener("controllerchange", () => {
    // Otherwise another tab activated it, or there was no service worker before.
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

  // A page may stay open for days. Without a network, it tries again an hour later.
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
