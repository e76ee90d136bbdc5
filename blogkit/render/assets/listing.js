// A listing page: search, sort and filter by category. Without JavaScript the whole list is there, newest first.
(function () {
  "use strict";
  var doc = document;
  var each = function (list, act) { Array.prototype.forEach.call(list, act); };
  var items = doc.querySelectorAll(".quarto-listing [data-index]");
  if (!items.length) return;
  var chosen = "", words = "";
  var none = doc.querySelectorAll(".listing-no-matching");
  var entries = doc.querySelectorAll(".quarto-listing-category .category");
  var counts = doc.querySelectorAll(".bk-count");
  function categories(item) {
    try { return JSON.parse(item.getAttribute("data-categories") || "[]"); } catch (e) { return []; }
  }
  function show() {
    var left = 0;
    each(items, function (item) {
      var of = categories(item);
      var fits = (!chosen || of.indexOf(chosen) >= 0) && (!words || item.textContent.toLowerCase().indexOf(words) >= 0);
      item.hidden = !fits;
      if (fits) left += 1;
    });
    var some = left < items.length;
    each(counts, function (line) {
      line.textContent = some ? left + " of " + items.length + " posts" : items.length === 1 ? "1 post" : items.length + " posts";
    });
    each(none, function (line) { line.classList.toggle("d-none", left > 0); });
    each(entries, function (entry) {
      var on = (entry.getAttribute("data-category") || "") === chosen;
      entry.classList.toggle("active", on);
      var link = entry.querySelector("a");
      if (link) { if (on) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); }
    });
  }
  function fromAddress() {
    var match = /[#&]category=([^&]*)/.exec(location.hash);
    chosen = match ? decodeURIComponent(match[1]) : "";
    show();
  }
  each(entries, function (entry) {
    var link = entry.querySelector("a");
    if (!link) return;
    link.addEventListener("click", function (event) {
      event.preventDefault();
      var name = entry.getAttribute("data-category") || "";
      history.replaceState(null, "", name ? "#category=" + encodeURIComponent(name) : location.pathname + location.search);
      chosen = name;
      show();
    });
  });
  var search = doc.querySelector(".bk-filter");
  if (search) search.addEventListener("input", function () { words = search.value.trim().toLowerCase(); show(); });
  var order = doc.querySelector(".bk-order");
  if (order) order.addEventListener("change", function () {
    var rule = order.value.split(" "), key = rule[0], sign = rule[1] === "desc" ? -1 : 1;
    each(doc.querySelectorAll(".quarto-listing .list"), function (list) {
      var rows = Array.prototype.slice.call(list.querySelectorAll(":scope > [data-index]"));
      rows.sort(function (a, b) {
        if (key === "index" || key === "minutes") return sign * (Number(a.dataset[key]) - Number(b.dataset[key]));
        return sign * String(a.dataset[key]).localeCompare(String(b.dataset[key]));
      });
      rows.forEach(function (row) { list.appendChild(row); });
    });
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
})();
