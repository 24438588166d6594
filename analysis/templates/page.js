// Sorting and filtering of tables, enlarging of figures, and which section one is in. The page reads well without it.
const value = (row, i) => row.cells[i].dataset.v ?? row.cells[i].textContent.trim();
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const th = button.parentElement, table = th.closest("table"), i = th.cellIndex, body = table.tBodies[0];
    const down = th.getAttribute("aria-sort") === "ascending";
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => [row, value(row, i)]);
    const numeric = rows.every(([, v]) => v === "" || !Number.isNaN(Number(v)));
    const compare = numeric
      ? (a, b) => Number(a) - Number(b) || 0
      : (a, b) => a.localeCompare(b, "en", { numeric: true });
    rows.sort(([, a], [, b]) => (a === "") - (b === "") || (down ? -1 : 1) * compare(a, b)); // without a value: last
    body.append(...rows.map(([row]) => row));
  });
}
for (const input of document.querySelectorAll("input[type=search]")) {
  input.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    for (const row of document.getElementById(input.dataset.table).tBodies[0].rows)
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
const dialog = document.querySelector("dialog");
for (const button of document.querySelectorAll("figure button")) {
  button.addEventListener("click", () => {
    dialog.replaceChildren(button.querySelector("svg").cloneNode(true));
    dialog.showModal();
  });
}
dialog.addEventListener("click", () => dialog.close());
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
const sections = [...document.querySelectorAll("section[id]")];
const locate = () => {
  const passed = sections.filter((s) => s.getBoundingClientRect().top < innerHeight * 0.35);
  const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 4 && scrollY > 0;
  const now = end ? sections.at(-1) : passed.at(-1) ?? sections[0];
  for (const [id, a] of links) a.classList.toggle("here", id === now.id);
};
addEventListener("scroll", locate, { passive: true });
locate();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));
