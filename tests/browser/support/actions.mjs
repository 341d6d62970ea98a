// What scenarios look for and do in the page.

/// Runs in the page: what scenarios look for and do, as `seen`.
export function install() {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const text = (selector) => all(selector).map((element) => element.textContent);
  const named = (name, root) => all("button", root).find((button) => [button.textContent, button.ariaLabel, button.title].includes(name));
  const file = async (address, name) => new File([await (await fetch(address)).blob()], name);
  window.seen = {
    all, text,
    /// Presses a button, and returns whether it was there.
    press: (name, selector) => {
      const root = document.querySelector(selector);
      const button = root && named(name, root);
      button?.click();
      return Boolean(button);
    },
    choose: (selector, value) => {
      const select = document.querySelector(selector);
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
    drop: async (address, name, on = "body") => {
      const data = new DataTransfer();
      data.items.add(await file(address, name));
      document.querySelector(on).dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    },
    /// Drops or pastes files of text, and texts by their types; returns whether that was left to the browser.
    bring: (how, { files = {}, texts = {} }, on = "body") => {
      const data = new DataTransfer();
      for (const [name, text] of Object.entries(files)) data.items.add(new File([text], name, { type: "text/plain" }));
      for (const [type, text] of Object.entries(texts)) data.setData(type, text);
      const event = new (how === "drop" ? DragEvent : ClipboardEvent)(how, { dataTransfer: data, bubbles: true, cancelable: true });
      // Firefox lets no script make a clipboard.
      if (how === "paste") Object.defineProperty(event, "clipboardData", { value: data });
      return document.querySelector(on).dispatchEvent(event);
    },
    notices: () => text(".notice p").join(" "),
    answered: (networks) => all(".answer .top .row").length === 5 * networks,
    asked: (name) => new URLSearchParams(location.search).get(name),
  };
  dispatchEvent(new Event("pointermove"));
}

/// Presses a button as soon as it is there: a figure's parts come one after another.
export const press = (browser, name, selector = "body") =>
  browser.until(`there is a button ${name} in ${selector}`, (name, selector) => seen.press(name, selector), name, selector);
