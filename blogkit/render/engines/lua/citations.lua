-- Citations and the list of references. A bibliography is read once and kept for the posts that cite from it.

local state = require("state")
local text = require("markdown")

local citations = {}

local shelf = {} -- bibliography by path and version: { by_id = …, order = … }

local READERS = { bib = "biblatex", bibtex = "bibtex", json = "csljson", yaml = "markdown", yml = "markdown", ris = "ris" }

local function read_bibliography(s, file)
  local known = shelf[file.path]
  if known and known.version == file.version then
    return known
  end
  local handle = io.open(file.path, "rb")
  if not handle then
    state.problem(s, "the bibliography " .. file.name .. " cannot be read.", file.name, "Check the name in `bibliography:`.")
    return { by_id = {}, order = {} }
  end
  local source = handle:read("a")
  handle:close()
  local format = READERS[file.path:match("%.(%w+)$") or "bib"] or "biblatex"
  if format == "markdown" then
    source = "---\n" .. source:gsub("^%-%-%-%s*\n", ""):gsub("\n%-%-%-%s*$", "") .. "\n---\n"
  end
  local ok, doc = pcall(pandoc.read, source, format)
  if not ok then
    local line = tostring(doc):match("line (%d+)")
    state.problem(s, "the bibliography " .. file.name .. " cannot be parsed" .. (line and " (its line " .. line .. ")" or "")
      .. ".", file.name, "Look for a missing brace or comma there.")
    return { by_id = {}, order = {} }
  end
  local entry = { version = file.version, by_id = {}, order = {} }
  for _, reference in ipairs(doc.meta.references or {}) do
    local id = pandoc.utils.stringify(reference.id)
    if not entry.by_id[id] then
      entry.order[#entry.order + 1] = id
    end
    entry.by_id[id] = reference
  end
  shelf[file.path] = entry
  return entry
end

local function near(id, all)
  local best
  for known in pairs(all) do
    if known:lower():find(id:lower(), 1, true) or id:lower():find(known:lower(), 1, true)
      or known:sub(1, 4):lower() == id:sub(1, 4):lower() then
      if not best or known < best then
        best = known
      end
    end
  end
  return best
end

-- Notes that a work is cited.
function citations.cite(s, id)
  if not s.is_cited[id] then
    s.is_cited[id] = true
    s.cited[#s.cited + 1] = id
  end
end

local OPEN, CLOSE, EDGE = "\u{E004}", "\u{E005}", "\u{E006}"

-- Notes the works that a citation cites.
function citations.work(s, cite)
  for _, citation in ipairs(cite.citations) do
    citations.cite(s, citation.id)
  end
end

-- A token that stands for a citation or a reference until the end, where the style needs nothing of the text around:
-- what a reference names may come later in the post, and to go through the whole post once more, or to have citeproc
-- look for its citations there, costs as much as to read it.
function citations.later(s, cite)
  s.later:insert(cite)
  return pandoc.Str(OPEN .. #s.later .. CLOSE)
end

-- What the tokens stand for, now that everything has its number: `words` gives those of a reference, nil for a work.
function citations.resolve(s, words)
  for number, cite in ipairs(s.later) do
    local said = words(s, cite)
    if not said then
      citations.work(s, cite)
    end
    s.later[number] = said or pandoc.Inlines({ cite })
  end
end

-- Citations, references and the list of works on their own; returns the document with a place for the list, and what
-- puts the words of all into its HTML. `meta`: what citeproc is told; nil where no work is cited.
local function apart(s, doc, meta, request, writer)
  local blocks = pandoc.Blocks({})
  for _, inlines in ipairs(s.later) do
    blocks:insert(pandoc.Plain(inlines))
    blocks:insert(pandoc.RawBlock("html", EDGE))
  end
  local made = meta and pandoc.utils.citeproc(pandoc.Pandoc(blocks, pandoc.Meta(meta))).blocks or blocks
  local html, from = {}, 1
  local text_of_all = pandoc.write(pandoc.Pandoc(made), "html5", writer)
  while true do
    local start, stop = text_of_all:find("%s*" .. EDGE .. "%s*", from)
    if not start then
      break
    end
    html[#html + 1] = text_of_all:sub(from, start - 1)
    from = stop + 1
  end
  local list = text_of_all:sub(from)
  if meta and not request.suppress_bibliography then
    local placed = false
    if request.traits.refs then
      doc = doc:walk({
        Div = function(div)
          if div.identifier == "refs" and not placed then
            placed = true
            div.content:insert(pandoc.RawBlock("html", OPEN .. "refs" .. CLOSE))
            div.classes:extend({ "references", "csl-bib-body", "hanging-indent" })
            div.attributes.role = "list"
            return div
          end
        end,
      })
    end
    if placed then
      list = list:gsub("^%s*<div[^>]*>\n?", ""):gsub("</div>%s*$", "")
    else
      doc.blocks:insert(pandoc.RawBlock("html", OPEN .. "refs" .. CLOSE))
    end
  end
  return doc, function(body)
    local function attribute(value)
      return (value:gsub(OPEN .. "(%d+)" .. CLOSE, function(number)
        return (pandoc.utils.stringify(made[2 * tonumber(number) - 1]):gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
      end))
    end
    body = body:gsub('="[^"<>]*' .. OPEN .. '%d+[^"<>]*"', attribute)
    return (body:gsub(OPEN .. "(%w+)" .. CLOSE, function(number)
      return number == "refs" and list or html[tonumber(number)]
    end))
  end
end

-- Whether the short form of the default style knows all that a reference says.
local function is_common(reference, common)
  local kind = reference.type and pandoc.utils.stringify(reference.type) or "document"
  if not common.types[kind] then
    return false
  end
  for name in pairs(reference) do
    if not common.variables[name] then
      return false
    end
  end
  return true
end

local function as_set(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

local common_cache = {}

-- The style to use: a style is read anew for each post, so that a shorter one that says the same is worth having.
local function style(request, references)
  local short = request.short_style
  if not short then
    return request.csl
  end
  common_cache.types = common_cache.types or as_set(short.types)
  common_cache.variables = common_cache.variables or as_set(short.variables)
  for _, reference in ipairs(references) do
    if not is_common(reference, common_cache) then
      return request.csl
    end
  end
  return short.path
end

function citations.apply(s, doc, request, writer)
  local cited = s.cited
  local function cite(id)
    citations.cite(s, id)
  end
  local nocite = request.nocite
  if #cited == 0 and not nocite then
    if s.apart and #s.later > 0 then
      return apart(s, doc, nil, request, writer)
    end
    return doc
  end
  local works, order = {}, {}
  for _, file in ipairs(request.bibliography or {}) do
    local bibliography = read_bibliography(s, file)
    for _, id in ipairs(bibliography.order) do
      works[id] = works[id] or bibliography.by_id[id]
      order[#order + 1] = id
    end
  end
  for _, reference in ipairs(request.references or {}) do
    local read = text.read("---\nreferences:\n- " .. pandoc.json.encode(reference) .. "\n---\n").meta.references
    local id = tostring(reference.id)
    works[id] = read and read[1]
    order[#order + 1] = id
  end
  local meta = {}
  if nocite then
    local inlines = text.inlines(nocite)
    meta.nocite = pandoc.MetaInlines(inlines)
    if nocite:find("@*", 1, true) then
      for _, id in ipairs(order) do
        cite(id)
      end
    else
      pandoc.Para(inlines):walk({
        Cite = function(element)
          for _, citation in ipairs(element.citations) do
            cite(citation.id)
          end
        end,
      })
    end
  end
  local references = pandoc.List({})
  for _, id in ipairs(cited) do
    if id ~= "*" then
      if works[id] then
        references:insert(works[id])
      else
        local hint
        if #(request.bibliography or {}) == 0 and #(request.references or {}) == 0 then
          hint = "Name the file with its entry in the front matter: `bibliography: references.bib`. A plain @ is written \\@."
        else
          local other = near(id, works)
          hint = (other and "Did you mean @" .. other .. "? " or "") .. "Add an entry to the bibliography. A plain @ is written \\@."
        end
        state.problem(s, "the citation @" .. id .. " is in no bibliography.", "@" .. id, hint)
      end
    end
  end
  if #s.problems > 0 then
    return doc
  end
  meta.references = references
  meta.csl = style(request, references)
  meta.lang = request.lang
  meta["link-citations"] = request.link_citations
  meta["link-bibliography"] = true
  meta["suppress-bibliography"] = request.suppress_bibliography
  meta["notes-after-punctuation"] = request.notes_after_punctuation
  s.works = cited
  if s.apart then
    return apart(s, doc, meta, request, writer)
  end
  doc.meta = pandoc.Meta(meta)
  return pandoc.utils.citeproc(doc)
end

return citations
