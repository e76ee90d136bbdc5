// What a post does for its reader: everything here also works, or is not needed, without JavaScript.
(function () {
  "use strict";
  var doc = document, root = doc.documentElement;
  var each = function (list, act) { Array.prototype.forEach.call(list, act); };
  var all = function (selector, act) { each(doc.querySelectorAll(selector), act); };
  function make(tag, kind, words) {
    var element = doc.createElement(tag);
    if (kind) element.className = kind;
    if (words) element.textContent = words;
    return element;
  }
  function keep(name, value) { try { localStorage.setItem(name, value); } catch (e) { /* private window */ } }
  function kept(name) { try { return localStorage.getItem(name); } catch (e) { return null; } }

  // --- light and dark
  var theme = kept("blogkit-theme");
  if (theme) root.dataset.theme = theme;
  all(".bk-theme", function (button) {
    var dark = function () {
      return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    };
    var show = function () { button.setAttribute("aria-pressed", dark() ? "true" : "false"); };
    button.addEventListener("click", function () {
      root.dataset.theme = dark() ? "light" : "dark";
      keep("blogkit-theme", root.dataset.theme);
      show();
    });
    show();
  });

  // --- the outline follows the reading position
  var links = {}, current = null;
  all("#TOC a[href^='#']", function (link) {
    links[decodeURIComponent(link.getAttribute("href").slice(1))] = link;
  });
  var sections = Object.keys(links).map(function (id) { return doc.getElementById(id); }).filter(Boolean);
  function follow() {
    var found = null, line = innerHeight * 0.25;
    sections.forEach(function (section) { if (section.getBoundingClientRect().top <= line) found = section; });
    if (found === current) return;
    if (current) { links[current.id].classList.remove("active"); links[current.id].removeAttribute("aria-current"); }
    current = found;
    if (found) { links[found.id].classList.add("active"); links[found.id].setAttribute("aria-current", "true"); }
  }
  if (sections.length) {
    var waiting = false;
    addEventListener("scroll", function () {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(function () { waiting = false; follow(); });
    }, { passive: true });
    follow();
  }

  // --- the outline: open beside the text, folded where it stands above it
  all(".bk-outline", function (outline) {
    var wide = matchMedia("(min-width: 75rem)");
    var fit = function () { outline.open = wide.matches; };
    wide.addEventListener("change", fit);
    fit();
  });

  // --- permalinks
  all("main :is(h1, h2, h3, h4, h5, h6)", function (heading) {
    var section = heading.parentElement;
    var id = heading.id || heading.getAttribute("data-anchor-id") || (section && section.tagName === "SECTION" ? section.id : "");
    if (!id || heading.closest("header") || heading.classList.contains("no-anchor")) return;
    var link = make("a", "bk-permalink anchorjs-link");
    link.href = "#" + id;
    link.setAttribute("aria-label", "Link to this section");
    heading.appendChild(link);
  });

  // --- tabs and folded callouts
  all(".panel-tabset", function (set) {
    var tabs = set.querySelectorAll(":scope > .nav-tabs .nav-link, :scope > p > .nav-tabs .nav-link");
    var group = set.getAttribute("data-group");
    function open(tab, focus) {
      each(tabs, function (one) {
        var on = one === tab, pane = doc.getElementById(one.getAttribute("aria-controls"));
        one.classList.toggle("active", on);
        one.setAttribute("aria-selected", on ? "true" : "false");
        one.tabIndex = on ? 0 : -1;
        if (pane) pane.classList.toggle("active", on);
      });
      if (focus) tab.focus();
    }
    each(tabs, function (tab, number) {
      tab.tabIndex = tab.classList.contains("active") ? 0 : -1;
      tab.addEventListener("click", function (event) {
        event.preventDefault();
        open(tab);
        if (group) {
          keep("blogkit-tab-" + group, tab.textContent.trim());
          all(".panel-tabset[data-group='" + group + "'] .nav-link", function (other) {
            if (other !== tab && other.textContent.trim() === tab.textContent.trim() && !other.classList.contains("active")) other.dispatchEvent(new CustomEvent("bk-open"));
          });
        }
      });
      tab.addEventListener("bk-open", function () { open(tab); });
      tab.addEventListener("keydown", function (event) {
        var step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        open(tabs[(number + step + tabs.length) % tabs.length], true);
      });
      if (group && kept("blogkit-tab-" + group) === tab.textContent.trim()) open(tab);
    });
  });
  all(".callout-header[aria-controls]", function (header) {
    var body = doc.getElementById(header.getAttribute("aria-controls"));
    if (!body) return;
    header.setAttribute("role", "button");
    header.tabIndex = 0;
    function toggle() {
      var shown = body.classList.toggle("show");
      header.classList.toggle("collapsed", !shown);
      header.setAttribute("aria-expanded", shown ? "true" : "false");
    }
    header.addEventListener("click", toggle);
    header.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); }
    });
  });

  // --- copy
  all("main pre", function (pre) {
    var code = pre.querySelector("code");
    if (!code || pre.closest(".code-with-filename-file")) return;
    var box = pre.parentElement;
    if (!box.classList.contains("sourceCode")) {
      box = make("div", "bk-code-box");
      pre.parentElement.insertBefore(box, pre);
      box.appendChild(pre);
    }
    box.classList.add("bk-code");
    var button = make("button", "bk-button bk-copy", "Copy");
    button.type = "button";
    button.addEventListener("click", function () {
      var words = code.textContent;
      function done() { button.textContent = "Copied"; setTimeout(function () { button.textContent = "Copy"; }, 1500); }
      function byHand() {
        var area = make("textarea", "visually-hidden");
        area.value = words;
        box.appendChild(area);
        area.select();
        try { doc.execCommand("copy"); done(); } finally { area.remove(); }
      }
      if (navigator.clipboard && isSecureContext) navigator.clipboard.writeText(words).then(done, byHand); else byHand();
    });
    box.appendChild(button);
  });
  all("main pre, main .bk-scroll, math[display='block']", function (box) {
    if (box.scrollWidth > box.clientWidth + 1 && !box.hasAttribute("tabindex")) box.tabIndex = 0;
  });

  // --- previews of citations, notes and references
  var card = null, timer = 0, owner = null;
  function hide() {
    clearTimeout(timer);
    if (card) { card.remove(); card = null; }
    if (owner) { owner.removeAttribute("aria-describedby"); owner = null; }
  }
  function target(link) {
    var id = decodeURIComponent((link.getAttribute("href") || "").slice(1));
    return id ? doc.getElementById(id) : null;
  }
  function preview(link) {
    var element = target(link);
    if (!element || element.closest("#TOC")) return;
    var copy = element.cloneNode(true);
    if (element.tagName === "SECTION") {
      var short = make("div");
      each(element.children, function (child) { if (short.children.length < 2 && child.tagName !== "SECTION") short.appendChild(child.cloneNode(true)); });
      copy = short;
    }
    each(copy.querySelectorAll(".footnote-back, .bk-permalink, script, .bk-copy"), function (one) { one.remove(); });
    each(copy.querySelectorAll("[id]"), function (one) { one.removeAttribute("id"); });
    copy.removeAttribute("id");
    hide();
    card = make("div", "bk-preview");
    card.id = "bk-preview";
    card.setAttribute("role", "tooltip");
    if (copy.tagName === "LI") { while (copy.firstChild) card.appendChild(copy.firstChild); } else card.appendChild(copy);
    doc.body.appendChild(card);
    var place = link.getBoundingClientRect(), size = card.getBoundingClientRect();
    var left = Math.max(8, Math.min(place.left, innerWidth - size.width - 16));
    var below = place.bottom + size.height + 12 < innerHeight || place.top < size.height + 12;
    card.style.left = (left + scrollX) + "px";
    card.style.top = ((below ? place.bottom + 6 : place.top - size.height - 6) + scrollY) + "px";
    owner = link;
    link.setAttribute("aria-describedby", "bk-preview");
    card.addEventListener("mouseenter", function () { clearTimeout(timer); });
    card.addEventListener("mouseleave", later);
  }
  function later() { clearTimeout(timer); timer = setTimeout(hide, 180); }
  all("main a.quarto-xref, main a.footnote-ref, main a[role='doc-biblioref']", function (link) {
    link.addEventListener("mouseenter", function () { clearTimeout(timer); timer = setTimeout(function () { preview(link); }, 120); });
    link.addEventListener("mouseleave", later);
    link.addEventListener("focus", function () { if (link.matches(":focus-visible")) preview(link); });
    link.addEventListener("blur", later);
  });
  doc.addEventListener("keydown", function (event) { if (event.key === "Escape") hide(); });

  // --- search: the index is loaded when the reader first asks; where it is not (a post in a zip), the box goes
  all(".bk-search", function (box) {
    var input = box.querySelector("input"), list = make("ol"), asked = false;
    list.setAttribute("aria-label", "Results");
    box.appendChild(list);
    function load() {
      if (asked) return;
      asked = true;
      var script = make("script");
      script.src = box.getAttribute("data-index");
      script.onload = look;
      script.onerror = function () { box.remove(); };
      doc.head.appendChild(script);
    }
    function look() {
      var words = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean), found = [];
      list.textContent = "";
      if (!words.length || !window.blogkitSearch) return;
      window.blogkitSearch.forEach(function (post) {
        post.sections.forEach(function (section) {
          var text = section[2].toLowerCase(), head = (post.title + " " + post.by + " " + section[1]).toLowerCase(), score = 0;
          var fits = words.every(function (word) {
            var at = head.indexOf(word) >= 0 ? 3 : text.indexOf(word) >= 0 ? 1 : 0;
            score += at;
            return at;
          });
          if (fits) found.push({ post: post, section: section, score: score, at: Math.max(0, text.indexOf(words[0]) - 30) });
        });
      });
      found.sort(function (a, b) { return b.score - a.score; });
      found.slice(0, 12).forEach(function (hit) {
        var item = make("li"), link = make("a", "", hit.post.title + (hit.section[1] ? " · " + hit.section[1] : ""));
        link.href = box.getAttribute("data-root") + hit.post.href + (hit.section[0] ? "#" + hit.section[0] : "");
        link.appendChild(make("small", "", hit.section[2].slice(hit.at, hit.at + 110)));
        item.appendChild(link);
        list.appendChild(item);
      });
      if (!found.length) list.appendChild(make("li", "", "Nothing found."));
    }
    input.addEventListener("focus", load);
    input.addEventListener("input", look);
    box.addEventListener("keydown", function (event) {
      var links = box.querySelectorAll("a"), at = Array.prototype.indexOf.call(links, doc.activeElement);
      if (event.key === "Escape") { input.value = ""; look(); input.focus(); }
      if (event.key === "ArrowDown" && links.length) { event.preventDefault(); links[Math.min(at + 1, links.length - 1)].focus(); }
      if (event.key === "ArrowUp" && at >= 0) { event.preventDefault(); (at ? links[at - 1] : input).focus(); }
    });
  });

  // --- images, large
  all("a.bk-zoom", function (link) {
    link.addEventListener("click", function (event) {
      if (event.metaKey || event.ctrlKey || event.shiftKey || !HTMLDialogElement) return;
      event.preventDefault();
      var image = link.querySelector("img"), box = make("dialog", "bk-lightbox"), close = make("button", "bk-button", "Close");
      var large = make("img");
      large.src = link.href;
      large.alt = image ? image.alt : "";
      box.setAttribute("aria-label", "Figure");
      close.type = "button";
      box.append(large, close);
      doc.body.appendChild(box);
      box.addEventListener("click", function () { box.close(); });
      box.addEventListener("close", function () { box.remove(); link.focus(); });
      box.showModal();
    });
  });
})();
