// Stands in the page itself, so that it is there whatever became of other files. Before anything is painted: the language, the theme and the
// figure that link and browser ask for, so that nothing is drawn twice. What these come to is decided in crates/link/src/state.rs; `index.html` shows its
// first lines by them until the page stands. And what is said and done where a file of this version is gone.
{
  const asked = new URLSearchParams(location.search);
  const root = document.documentElement;
  const LANGUAGES = ["en", "ko"];
  const theme = asked.get("theme");
  root.lang = [asked.get("lang"), ...navigator.languages.map((language) => language.split("-")[0].toLowerCase())].find((lang) => LANGUAGES.includes(lang)) ?? "en";
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  if (asked.has("embed")) root.dataset.embed = asked.get("embed");

  const SENTENCES = {
    en: {
      replaced: "A new version of this page is there, and files of this one are gone. Load the page again.",
      broken: "The code of this page could not be started. Check the connection, then load the page again; it takes a browser with WebAssembly.",
      reload: "Reload",
    },
    ko: {
      replaced: "이 페이지의 새 판이 나왔고, 지금 판의 파일 일부는 사라졌다. 페이지를 다시 불러온다.",
      broken: "이 페이지의 코드를 시작하지 못했다. 연결을 확인한 뒤 페이지를 다시 불러온다. WebAssembly를 지원하는 브라우저가 필요하다.",
      reload: "다시 불러오기",
    },
  };
  const RELOADED = "stridescope-reloaded";
  const versionIn = (html) => /data-version="(\w+)"/.exec(html)?.[1];
  const isStarting = () => document.getElementById("shell") !== null;
  const parsed = new Promise((resolve) => {
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", resolve, { once: true });
    else resolve();
  });

  // The version that the site has by now, past every cache; nothing where that is this one, or nobody knows.
  const newer = async () => {
    try {
      const response = await fetch(location.href, { cache: "reload" });
      const found = response.ok ? versionIn(await response.text()) : undefined;
      return found === document.querySelector("script[data-version]")?.dataset.version ? undefined : found;
    } catch {
      return undefined;
    }
  };

  // Whether the page may be loaded again unasked: once for a version. Where nothing can be remembered, its reader does it.
  const mayReload = (version) => {
    try {
      if (sessionStorage.getItem(RELOADED) === version) return false;
      sessionStorage.setItem(RELOADED, version);
      return true;
    } catch {
      return false;
    }
  };

  const say = (what) => {
    if (document.getElementById("lost")) return;
    const texts = SENTENCES[root.lang] ?? SENTENCES.en;
    const said = document.createElement("p");
    said.id = "lost";
    said.className = "wrap problem";
    said.role = "alert";
    const button = document.createElement("button");
    button.textContent = texts.reload;
    button.onclick = () => location.reload();
    said.append(`${texts[what]} `, button);
    document.body.prepend(said);
  };

  const look = async () => {
    await parsed;
    const version = await newer();
    if (version === undefined) return false;
    if (!isStarting()) dispatchEvent(new CustomEvent("stridescope-update", { detail: () => location.reload() }));
    else if (mayReload(version)) location.reload();
    else say("replaced");
    return true;
  };
  let looking;

  // Whether a file did not come because the site is of another version by now. A page that starts is then loaded again, and one that stands
  // offers that.
  const isReplaced = () => (looking ??= look().finally(() => { looking = undefined; }));
  const lost = async () => {
    if (!(await isReplaced()) && isStarting()) say("broken");
  };
  globalThis.stridescopeRelease = { isReplaced, lost };

  addEventListener("error", ({ target }) => {
    const address = target.src ?? target.href;
    if (typeof address !== "string" || !address.startsWith(new URL("./", document.baseURI).href)) return;
    if (target.tagName === "SCRIPT") lost();
    else isReplaced();
  }, true);
}
