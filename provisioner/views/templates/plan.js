"use strict";
// The page reads without this. With it: filter tiles, a search box, and buttons that open, copy and download.
(() => {
  const byId = (id) => document.getElementById(id);
  const show = (id) => { const found = byId(id); if (found) found.hidden = false; return found; };

  const rows = Array.from(document.querySelectorAll("#rows > li"), (item) => ({ item, text: null }));
  const pressed = new Set();
  let words = [];

  const textOf = (row) => (row.text ??= row.item.textContent.toLowerCase());
  const fits = (row) =>
    (!pressed.size || pressed.has(row.item.dataset.action)) && words.every((word) => textOf(row).includes(word));

  const filter = () => {
    let shown = 0;
    for (const row of rows) {
      const fit = fits(row);
      if (row.item.hidden === fit) row.item.hidden = !fit;
      shown += fit;
    }
    byId("nothing").hidden = shown > 0;
    byId("status").textContent = shown < rows.length ? `${shown} of ${rows.length} changes` : "";
  };

  const open = (id) => {
    const details = id && byId(id)?.querySelector("details");
    if (details) details.open = true;
  };

  if (rows.length) {
    show("tools");
    for (const tile of document.querySelectorAll("#tiles > li")) {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "false");
      button.append(...tile.childNodes);
      tile.append(button);
      button.addEventListener("click", () => {
        const action = tile.dataset.action;
        if (!pressed.delete(action)) pressed.add(action);
        button.setAttribute("aria-pressed", String(pressed.has(action)));
        filter();
      });
    }
    byId("search").addEventListener("input", (event) => {
      words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      filter();
    });
    const expand = byId("expand");
    const folded = Array.from(document.querySelectorAll("#rows > li > details"));
    expand.hidden = !folded.length;
    expand.addEventListener("click", () => {
      const opening = expand.getAttribute("aria-pressed") === "false";
      expand.setAttribute("aria-pressed", String(opening));
      for (const details of folded) if (!details.parentElement.hidden) details.open = opening;
    });
  }

  addEventListener("hashchange", () => open(location.hash.slice(1)));
  open(location.hash.slice(1));

  show("copy")?.addEventListener("click", async ({ target }) => {
    const digest = byId("digest");
    getSelection().selectAllChildren(digest);
    try {
      await navigator.clipboard.writeText(digest.textContent);
      target.textContent = "Copied";
    } catch {
      target.textContent = "Selected";
    }
  });

  show("download")?.addEventListener("click", ({ target }) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([byId("plan").textContent, "\n"], { type: "application/json" }));
    link.download = target.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll("#rows details:not([open])"));
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
