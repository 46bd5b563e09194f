// The gallery's script: slider, search, and what goes on now. Everything it shows as text is text:
// markup comes from the daemon alone, which has escaped every name in it.
(() => {
  "use strict";
  const page = document.documentElement;
  const root = page.dataset.root;
  const $ = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  page.classList.add("js");

  // --- before and after ---------------------------------------------------------------------

  function slide(slider) {
    const photograph = Math.round(slider.value);
    const frame = slider.parentElement;
    frame.style.setProperty("--at", `${photograph}%`);
    frame.classList.toggle("moved", photograph > 0);
    const words = photograph === 0 ? "the painting" : photograph === 100 ? "the photograph"
      : `${photograph} percent photograph`;
    slider.setAttribute("aria-valuetext", words);
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches(".slider")) slide(event.target);
  });
  let dragging = false;
  document.addEventListener("pointerdown", () => { dragging = true; });
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, () => { dragging = false; });
  }
  document.addEventListener("toggle", (event) => {  // looked at closely: half and half
    const slider = event.target.matches(".card > details[open]") &&
      event.target.parentElement.querySelector(".slider");
    if (slider && slider.value === "0") {
      slider.value = 50;
      slide(slider);
    }
  }, true);

  document.addEventListener("click", (event) => {  // a small sheet is not what one chooses from
    const link = event.target.closest(".card.proof figure > .frame");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const details = link.closest(".card").querySelector("details");
    details.open = true;
    details.querySelector("summary").focus();
  });

  document.addEventListener("error", (event) => {  // taken out of the outbox since
    if (event.target.matches?.(".frame img")) event.target.parentElement.classList.add("gone");
  }, true);

  // --- what a visitor has done outlives a reload ----------------------------------------------

  const KEY = `nstd ${location.pathname}`;
  const form = $("find");
  const state = () => form && form.elements.state.value;

  function keep() {
    const sliders = all(".slider").filter((s) => s.value !== "0").map((s) => [s.id, s.value]);
    const open = all(".card > details[open]").map((details) => details.parentElement.id);
    const kept = { y: scrollY, sliders, open, focus: document.activeElement?.id };
    if (form) Object.assign(kept, { q: $("q").value, folder: $("folder").value, state: state() });
    try { sessionStorage.setItem(KEY, JSON.stringify(kept)); } catch { /* not allowed here */ }
  }

  function restore() {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(KEY)); } catch { /* not allowed here */ }
    if (!kept || location.hash) return;
    for (const [id, value] of kept.sliders) {
      const slider = $(id);
      if (slider) { slider.value = value; slide(slider); }
    }
    for (const id of kept.open) $(id)?.querySelector("details")?.setAttribute("open", "");
    if (form) {
      $("q").value = kept.q;
      $("folder").value = kept.folder;
      if ($("folder").selectedIndex < 0) $("folder").value = "*";
      form.elements.state.value = kept.state;
    }
    if (kept.focus) $(kept.focus)?.focus({ preventScroll: true });
    history.scrollRestoration = "manual";
    scrollTo(0, kept.y);
  }
  addEventListener("pagehide", keep);

  // --- searching ------------------------------------------------------------------------------

  const MOST_FOUND = 48;
  const chunks = Number(page.dataset.chunks || 0);
  let archive = null;  // of every job on the other pages: [page, id, name, style, folder, end, thumb]
  let missing = chunks;
  let shown = MOST_FOUND;

  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const script = (path) => {
    const element = document.createElement("script");
    element.src = `${root}.nstd/${path}?${Date.now()}`;
    element.addEventListener("load", () => element.remove());
    element.addEventListener("error", () => element.remove());
    document.head.append(element);
  };

  window.nstdFound = (jobs) => {
    archive.push(...jobs.map((job) => [...job, fold(`${job[4]}/${job[2]} ${job[3]}`)]));
    missing -= 1;
    if (missing === 0) archive.sort((one, other) => other[5] - one[5]);
    filter();
  };

  function openArchive() {
    if (archive) return;
    archive = [];
    for (let chunk = 0; chunk < chunks; chunk += 1) script(`search/${chunk}.js`);
  }

  function filter() {
    if (!form) return;
    const words = fold($("q").value).split(/\s+/).filter(Boolean);
    const folder = $("folder").value;
    const active = words.length > 0 || folder !== "*";
    const fits = (text, of) => words.every((word) => text.includes(word)) && (folder === "*" || of === folder);
    let count = 0;
    for (const item of all("[data-find]")) {
      item.hidden = active && !fits(fold(item.dataset.find), item.dataset.folder);
    }
    if (active) for (const rest of all(".rest")) rest.open = true;
    for (const section of all("[data-section]")) {
      const left = all("[data-find]:not([hidden])", section).length;
      const wanted = ["all", section.dataset.section].includes(state());
      section.hidden = !wanted || (active && left === 0);
      if (!section.hidden) count += left;
    }
    const elsewhere = active && ["all", "done"].includes(state()) ? findElsewhere(fits) : 0;
    $("elsewhere").hidden = elsewhere === 0 && (missing === 0 || !archive);
    const nothing = count + elsewhere === 0 && (active || state() !== "all") && !(archive && missing);
    $("none").hidden = !nothing;
    $("none").textContent = nothing ? "Nothing of that kind here." : "";
    if (!active) $("elsewhere").hidden = true;
  }

  function findElsewhere(fits) {
    if (chunks) openArchive();
    if (!archive) return 0;
    const found = archive.filter((job) => fits(job[7], job[4]));
    const section = $("elsewhere");
    section.querySelector(".count").textContent = found.length.toLocaleString("en");
    section.querySelector("[role=status]").textContent = missing ? "Still searching …" : "";
    section.querySelector(".grid").replaceChildren(...found.slice(0, shown).map(result));
    section.querySelector(".more").hidden = found.length <= shown;
    return found.length;
  }

  function result([number, id, name, style, folder, , ratio]) {
    const make = (tag, className, ...children) => {
      const element = document.createElement(tag);
      element.className = className;
      element.append(...children);
      return element;
    };
    const frame = make("div", "frame");
    if (ratio) {
      const image = document.createElement("img");
      Object.assign(image, { loading: "lazy", decoding: "async", alt: "" });
      image.src = `${root}.nstd/thumbs/${encodeURIComponent(id)}-after.jpg`;
      frame.append(image);
    }
    const caption = make("span", "name", name);
    caption.title = folder ? `${folder}/${name}` : name;
    const link = make("a", "found", frame,
      make("figcaption", "", caption, " ", make("span", "style", style)));
    link.href = `${root}.nstd/pages/${String(number).padStart(5, "0")}.html#j-${encodeURIComponent(id)}`;
    const item = make("li", "card", link);
    item.style.setProperty("--ratio", ratio || 1.5);
    return item;
  }

  if (form) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => { shown = MOST_FOUND; filter(); });
    $("elsewhere").querySelector(".more").addEventListener("click", () => { shown += MOST_FOUND; filter(); });
  }

  // --- what goes on now -----------------------------------------------------------------------

  const BUSY_MS = 3000, CALM_MS = 30000, SILENT_S = 300;
  const now = { written_s: Number(page.dataset.written), stopped: false, busy: true };
  const heard = new Map();  // of each running job, the quarter that was said last

  window.nstdNow = (news) => {
    Object.assign(now, news);
    const fresh = document.createElement("template");
    fresh.innerHTML = news.html;
    morph($("present"), fresh.content.firstElementChild);
    filter();
    announce();
    tellTime();
    if (news.version !== page.dataset.version) reload(news.version);
  };

  function reload(version) {
    const typing = document.activeElement === $("q") && Date.now() - typedAt < 2000;
    let last = null;
    try { last = sessionStorage.getItem(`${KEY} version`); } catch { /* not allowed here */ }
    if (dragging || typing || last === version) return;
    try { sessionStorage.setItem(`${KEY} version`, version); } catch { return; }
    location.reload();
  }
  let typedAt = 0;
  document.addEventListener("keydown", () => { typedAt = Date.now(); });

  function morph(old, fresh) {
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "hidden" && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) === value) continue;
      if (name === "src") swap(old, value);
      else old.setAttribute(name, value);
    }
    const keyed = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const alike = at && !at.id && at.nodeName === child.nodeName ? at : null;
      const match = child.id ? keyed.get(child.id) : alike;
      if (!match) {
        old.insertBefore(child, at);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morph(match, child);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  function swap(image, source) {  // a picture stays until the next one is there
    const next = new Image();
    next.addEventListener("load", () => { image.src = source; });
    next.src = source;
  }

  function announce() {
    const words = [];
    for (const easel of all(".easel")) {
      const quarter = Math.floor(easel.dataset.percent / 25);
      if (heard.has(easel.id) && heard.get(easel.id) !== quarter) {
        words.push(`${easel.dataset.name}: ${easel.dataset.percent} percent`);
      }
      heard.set(easel.id, quarter);
    }
    if (words.length) $("news").textContent = words.join(". ");
  }

  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  function clockOf(moment) {  // as the pages have it
    const two = (number) => String(number).padStart(2, "0");
    return `${moment.getDate()} ${MONTHS[moment.getMonth()]} ${moment.getFullYear()}, ` +
      `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  }

  function tellTime() {
    const alive = $("alive");
    if (!alive) return;
    const clock = clockOf(new Date(now.written_s * 1000));
    const silent_s = Date.now() / 1000 - now.written_s;
    const silent = !now.stopped && silent_s > SILENT_S;
    let words = `As of ${clock}`;
    if (now.stopped) words = `nstd was stopped on ${clock}. Nothing is painted until it is started again.`;
    else if (silent) words = `nstd has said nothing since ${clock}. Perhaps it does not run; what is shown may be old.`;
    alive.classList.toggle("alarm", silent || now.stopped);
    if (alive.textContent !== words) alive.textContent = words;
  }

  let timer = 0;
  function ask() {
    clearTimeout(timer);
    if (!document.hidden) script("now.js");
    timer = setTimeout(ask, now.busy ? BUSY_MS : CALM_MS);
    tellTime();
  }

  // --- begin ----------------------------------------------------------------------------------

  const wanted = new URLSearchParams(location.search).get("q");
  restore();
  if (form && wanted) $("q").value = wanted;
  filter();
  if ("home" in page.dataset) {
    ask();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  }
})();
