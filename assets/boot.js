// Before anything is painted: the language, the theme and the figure that link and browser ask for, so that nothing is drawn twice. What
// these come to is decided in src/ui/state.rs; `index.html` shows its first lines by them until the page stands.
{
  const asked = new URLSearchParams(location.search);
  const root = document.documentElement;
  const LANGUAGES = ["en", "ko"];
  const theme = asked.get("theme");
  root.lang = [asked.get("lang"), ...navigator.languages.map((language) => language.split("-")[0].toLowerCase())].find((lang) => LANGUAGES.includes(lang)) ?? "en";
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  if (asked.has("embed")) root.dataset.embed = asked.get("embed");
}
