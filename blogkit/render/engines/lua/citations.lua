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

function citations.apply(s, doc, request)
  local cited = s.cited
  local function cite(id)
    citations.cite(s, id)
  end
  local nocite = request.nocite
  if #cited == 0 and not nocite then
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
  doc.meta = pandoc.Meta(meta)
  s.works = cited
  return pandoc.utils.citeproc(doc)
end

return citations
