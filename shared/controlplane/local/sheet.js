"use strict";
{
  const search = document.getElementById("search");
  const failed = document.getElementById("failed");
  const shown = document.getElementById("shown");
  const all = [...document.querySelectorAll("article")];
  const total = shown.textContent;
  let texts;

  const show = () => {
    // Read once, and not before somebody searches.
    texts ??= all.map((article) => article.textContent.toLowerCase());
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    all.forEach((article, index) => {
      const found = (!failed?.checked || article.classList.contains("bad")) && words.every((word) => texts[index].includes(word));
      article.hidden = !found;
      number += found;
    });
    shown.textContent = number === all.length ? total : `${number.toLocaleString("en")} of ${total}`;
    document.getElementById("none").hidden = number > 0;
  };
  search.addEventListener("input", show);
  failed?.addEventListener("change", show);
  search.form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });
  // Browsers keep a form's state when a page is loaded again.
  if (search.value || failed?.checked) show();
}
