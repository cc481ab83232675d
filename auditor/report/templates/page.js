"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);

  // --- filter by verdict and text; where the cases have pages of their own, only their rows are here

  const filterCases = (form) => {
    const rows = all(".overview tbody tr").map((row) => {
      const card = document.getElementById(row.dataset.case);
      return { row, card, state: row.dataset.state, text: row.textContent.toLowerCase() };
    });
    const apply = () => {
      const states = new Set(all("input[name=state]:checked", form).map((box) => box.value));
      const words = form.elements.text.value.toLowerCase().split(/\s+/);
      let shown = 0;
      for (const { row, card, state, text } of rows) {
        const fits = states.has(state) && words.every((word) => text.includes(word));
        row.hidden = card.hidden = !fits;
        shown += fits;
      }
      one("output", form).textContent = shown === rows.length ? "" : `${shown} of ${rows.length} cases shown`;
      one(".nothing").hidden = shown > 0;
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();

    // A link to a case wins over a filter that hides it, and leads on to the page that the case is on.
    const reveal = () => {
      const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (found?.matches("tr")) {
        location.replace(one("a", found).href);
      } else if (found?.hidden) {
        form.reset();
        apply();
        found.scrollIntoView();
      }
    };
    addEventListener("hashchange", reveal);
    document.addEventListener("click", (event) => {
      if (event.target.closest("a[href^='#']")) setTimeout(reveal);
    });
    reveal();
  };
  if (one(".filter")) filterCases(one(".filter"));

  // --- sort the table of all cases: up, down, and back to the order of the spec

  const next = { none: "ascending", ascending: "descending", descending: "none" };
  const { compare } = new Intl.Collator("en", { numeric: true });
  const makeSortable = (body) => {
    const planned = [...body.rows];
    const headers = all(".overview .sorts");
    const sort = (header) => {
      const way = next[header.ariaSort];
      for (const other of headers) other.ariaSort = other === header ? way : "none";
      const sign = way === "descending" ? -1 : 1;
      const key = (row) => {
        const cell = row.cells[header.cellIndex];
        return cell.dataset.key ?? cell.textContent.trim();
      };
      const keys = new Map(planned.map((row) => [row, key(row)]));
      // What another column has sorted stays sorted among equals: by metric, then by check.
      const sorted = [...body.rows].sort((a, b) => sign * (keys.get(a) - keys.get(b) || compare(keys.get(a), keys.get(b))));
      body.append(...(way === "none" ? planned : sorted));
    };
    for (const header of headers) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(header));
      header.append(button);
      header.ariaSort = "none";
    }
  };
  if (one(".overview tbody")) makeSortable(one(".overview tbody"));

  // --- cards that wait: those in sight first, the others while there is nothing else to do

  const waiting = new Set(all("article:has(> noscript)"));
  const complete = (card) => {
    if (!waiting.delete(card)) return;
    const rest = one("noscript", card);
    rest.replaceWith(document.createRange().createContextualFragment(rest.textContent));
    for (const button of all(".enlarge", card)) button.hidden = false;
  };
  const sight = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) {
          sight.unobserve(target);
          complete(target);
        }
      }
    },
    { rootMargin: "100%" },
  );
  const completeNext = (deadline) => {
    for (const card of waiting) {
      if (deadline.timeRemaining() < 5) break;
      complete(card);
    }
    if (waiting.size) requestIdleCallback(completeNext);
  };
  for (const card of waiting) sight.observe(card);
  addEventListener("beforeprint", () => waiting.forEach(complete));
  requestIdleCallback(completeNext);

  // --- enlarge images

  for (const button of all(".enlarge")) button.hidden = false;
  const viewer = one(".viewer");
  const picture = document.createElement("img");
  one(".stage", viewer).append(picture);
  let series = [];
  let position = 0;
  const show = (place) => {
    position = (place + series.length) % series.length;
    const image = series[position];
    const room = Math.max(120, Math.min(innerWidth * 0.86, innerHeight * 0.66));
    const scale = room / Math.max(image.naturalWidth, image.naturalHeight);
    picture.src = image.src;
    picture.alt = image.alt;
    picture.className = image.className;
    picture.width = Math.round(image.naturalWidth * scale);
    picture.height = Math.round(image.naturalHeight * scale);
    one(".what", viewer).textContent = `${image.alt} (${position + 1} of ${series.length})`;
  };
  const open = (images, place) => {
    series = images;
    show(place);
    viewer.showModal();
  };
  document.addEventListener("click", ({ target }) => {
    const figure = target.closest(".figure");
    if (figure && target.closest(".enlarge, img")) {
      const images = all("img", figure);
      open(images, Math.max(0, images.indexOf(target)));
    }
  });
  viewer.addEventListener("click", (event) => {
    if (event.target === viewer || event.target.closest("[data-close]")) viewer.close();
    const step = event.target.closest("[data-step]");
    if (step) show(position + Number(step.dataset.step));
  });
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(position - 1);
    if (event.key === "ArrowRight") show(position + 1);
  });

  document.documentElement.classList.add("scripted");
})();
