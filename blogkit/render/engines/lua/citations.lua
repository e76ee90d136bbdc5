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

-- The HTML of some groups of inlines, and behind them of some blocks: written at once, since each writing takes its time.
local function written(groups, behind, writer)
  local blocks = pandoc.Blocks({})
  for _, inlines in ipairs(groups) do
    blocks:insert(pandoc.Plain(inlines))
    blocks:insert(pandoc.RawBlock("html", EDGE))
  end
  blocks:extend(behind)
  local html = pandoc.write(pandoc.Pandoc(blocks), "html5", writer)
  local parts, from = {}, 1
  while true do
    local start, stop = html:find("%s*" .. EDGE .. "%s*", from)
    if not start then
      break
    end
    parts[#parts + 1] = html:sub(from, start - 1)
    from = stop + 1
  end
  return parts, html:sub(from)
end

-- What citeproc makes of some groups of inlines: the groups, and the list of works behind them.
local function processed(groups, meta)
  local blocks = pandoc.Blocks({})
  for _, inlines in ipairs(groups) do
    blocks:insert(pandoc.Plain(inlines))
  end
  local made = pandoc.utils.citeproc(pandoc.Pandoc(blocks, pandoc.Meta(meta))).blocks
  local out = {}
  for number = 1, #groups do
    out[number] = made[number].content
  end
  local list = pandoc.Blocks({})
  for number = #groups + 1, #made do
    list:insert(made[number])
  end
  return out, list
end

-- A document with a place for the list of works, and what puts the words of citations and references into its HTML.
-- `html` and `text` give those of each token; `list` is the list's HTML, nil where the document has none.
local function with_places(s, doc, request, html, text_of, list)
  if list then
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
        return (text_of(tonumber(number)):gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
      end))
    end
    body = body:gsub('="[^"<>]*' .. OPEN .. '%d+[^"<>]*"', attribute)
    return (body:gsub(OPEN .. "(%w+)" .. CLOSE, function(number)
      return number == "refs" and list or html[tonumber(number)]
    end))
  end
end

-- Citations, references and the list of works on their own. `meta`: what citeproc is told; nil where no work is cited.
local function apart(s, doc, meta, request, writer)
  local groups, list = s.later, pandoc.Blocks({})
  if meta then
    groups, list = processed(s.later, meta)
  end
  local html, listed = written(groups, list, writer)
  return with_places(s, doc, request, html, function(number)
    return pandoc.utils.stringify(pandoc.Plain(groups[number]))
  end, meta and not request.suppress_bibliography and listed or nil)
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

-- Whether the short form of the default style serves a reference.
local function is_served(request, reference)
  common_cache.types = common_cache.types or as_set(request.short_style.types)
  common_cache.variables = common_cache.variables or as_set(request.short_style.variables)
  return is_common(reference, common_cache)
end

-- The style to use: a style is read anew for each post, so that a shorter one that says the same is worth having.
local function style(request, references)
  if not request.short_style then
    return request.csl
  end
  for _, reference in ipairs(references) do
    if not is_served(request, reference) then
      return request.csl
    end
  end
  return request.short_style.path
end

-- --- works that many posts cite --------------------------------------------------------------------------------------

-- What the default style makes of a work is the same in every post, unless two works of the post have to be told apart:
-- then their years get letters. A shelf keeps what it made of each work of a bibliography that several posts name, so
-- that they need neither the style, which takes longer to read than a post, nor citeproc. Works that may have to be told
-- apart are not kept, and a post that cites one goes the ordinary way.

local kept_works = {} -- by bibliography and options
local MOST_WORKS = 120

-- The word and the year that two works share before the style tells them apart; nil for a work without an author.
local function ambiguity(reference)
  local author = reference.author and reference.author[1]
  local name = author and (author.family or author.literal)
  local word = name and pandoc.utils.stringify(name):match("(%S+)%s*$")
  if not word then
    return nil
  end
  local year = reference.issued and pandoc.utils.stringify(reference.issued):match("%d%d%d%d") or ""
  return word:lower() .. " " .. year, word
end

local function plain_words(inlines)
  local parts = {}
  for _, inline in ipairs(inlines) do
    if inline.t == "Str" then
      parts[#parts + 1] = inline.text
    elseif inline.t == "Space" then
      parts[#parts + 1] = " "
    else
      return nil
    end
  end
  return table.concat(parts)
end

-- A citation's name among those that are kept; nil for what is no lone citation, or holds more than plain words.
local function name_of_citation(inlines)
  local cite = #inlines == 1 and inlines[1]
  if not cite or cite.t ~= "Cite" then
    return nil
  end
  local parts = {}
  for _, citation in ipairs(cite.citations) do
    local before, behind = plain_words(citation.prefix), plain_words(citation.suffix)
    if not before or not behind then
      return nil
    end
    parts[#parts + 1] = table.concat({ citation.mode, citation.id, before, behind }, "\31")
  end
  return table.concat(parts, "\30")
end

local function cites_a_work(inlines)
  local found = false
  inlines:walk({ Cite = function() found = true end })
  return found
end

local function note_work(kept, reference, id, words)
  local sign, word = ambiguity(reference)
  if not sign then
    return
  end
  local other = words[sign]
  words[sign] = other and "several" or id
  kept.signs[id] = sign
  kept.names[id] = word
end

-- Formats every work of a bibliography at once.
local function format_works(kept, request, meta_of, writer)
  local groups, named, words = {}, {}, {}
  local references = pandoc.List({})
  for _, id in ipairs(kept.order) do
    if is_served(request, kept.works[id]) then
      note_work(kept, kept.works[id], id, words)
    end
    if kept.signs[id] then
      references:insert(kept.works[id])
      for _, mode in ipairs({ "NormalCitation", "AuthorInText" }) do
        groups[#groups + 1] = pandoc.Inlines({ pandoc.Cite(pandoc.Inlines({}), { pandoc.Citation(id, mode) }) })
        named[#groups] = name_of_citation(groups[#groups])
      end
    end
  end
  local made, list = processed(groups, meta_of(references))
  local html = written(made, pandoc.Blocks({}), writer)
  local division = list[1]
  local entries = division and division.content or pandoc.Blocks({})
  local between = pandoc.Blocks({})
  for number, entry in ipairs(entries) do
    between:insert(pandoc.RawBlock("html", EDGE))
    between:insert(entry)
    kept.rank[entry.identifier:sub(5)] = number
  end
  between:insert(pandoc.RawBlock("html", EDGE))
  if division then
    division.content = between
    local parts, close = written({}, pandoc.Blocks({ division }), writer)
    kept.open, kept.close = parts[1], close
    for number, entry in ipairs(entries) do
      kept.entries[entry.identifier:sub(5)] = parts[number + 1]
    end
  end
  for number, name in ipairs(named) do
    kept.html[name] = html[number]
    kept.text[name] = pandoc.utils.stringify(pandoc.Plain(made[number]))
  end
  for id, sign in pairs(kept.signs) do
    local said = kept.text["NormalCitation\31" .. id .. "\31\31"] or ""
    kept.usable[id] = words[sign] == id and kept.entries[id] ~= nil and said:find(kept.names[id], 1, true) ~= nil
  end
end

-- What is kept of the bibliography that a post names; nil where the post has to go the ordinary way.
local function kept_for(s, request, meta_of, writer)
  if not s.apart or request.nocite or #(request.references or {}) > 0 or #(request.bibliography or {}) == 0 then
    return nil
  end
  local parts = { request.lang or "", tostring(request.link_citations), tostring(request.notes_after_punctuation),
    request.id_prefix or "", request.reference_location or "" }
  for _, file in ipairs(request.bibliography) do
    parts[#parts + 1] = file.path .. "\31" .. file.version
  end
  local name = table.concat(parts, "\30")
  local kept = kept_works[name]
  if not kept then
    kept_works[name] = {} -- a bibliography that one post names is not worth it
    return nil
  end
  if not kept.order then
    kept.works, kept.order, kept.html, kept.text, kept.entries = {}, {}, {}, {}, {}
    kept.rank, kept.signs, kept.names, kept.usable = {}, {}, {}, {}
    for _, file in ipairs(request.bibliography) do
      local bibliography = read_bibliography(s, file)
      for _, id in ipairs(bibliography.order) do
        if not kept.works[id] then
          kept.works[id] = bibliography.by_id[id]
          kept.order[#kept.order + 1] = id
        end
      end
    end
    if #kept.order <= MOST_WORKS and #s.problems == 0 then
      format_works(kept, request, meta_of, writer)
    end
  end
  for _, id in ipairs(s.cited) do
    if not kept.usable[id] then
      return nil
    end
  end
  return kept
end

-- Citations and the list of works from what is kept; citations that are new are made once.
local function from_kept(s, doc, kept, meta_of, request, writer)
  local html, texts, names = {}, {}, {}
  local fresh, fresh_at, plain, plain_at = {}, {}, {}, {}
  local references, is_cited = pandoc.List({}), {}
  for number, inlines in ipairs(s.later) do
    local name = name_of_citation(inlines)
    if name and kept.html[name] then
      html[number], texts[number] = kept.html[name], kept.text[name]
    elseif name or cites_a_work(inlines) then
      fresh[#fresh + 1], fresh_at[#fresh + 1], names[number] = inlines, number, name
    else
      plain[#plain + 1], plain_at[#plain + 1] = inlines, number
    end
  end
  local groups = {}
  if #fresh > 0 then
    for _, inlines in ipairs(fresh) do
      inlines:walk({
        Cite = function(cite)
          for _, citation in ipairs(cite.citations) do
            if not is_cited[citation.id] then
              is_cited[citation.id] = true
              references:insert(kept.works[citation.id])
            end
          end
        end,
      })
    end
    groups = processed(fresh, meta_of(references))
  end
  for _, inlines in ipairs(plain) do
    groups[#groups + 1] = inlines
    fresh_at[#groups] = plain_at[#groups - #fresh]
  end
  for place, part in ipairs((written(groups, pandoc.Blocks({}), writer))) do
    local number = fresh_at[place]
    html[number] = part
    if names[number] then
      kept.html[names[number]] = part
      kept.text[names[number]] = pandoc.utils.stringify(pandoc.Plain(groups[place]))
    end
  end
  local order = { table.unpack(s.cited) }
  table.sort(order, function(first, second) return kept.rank[first] < kept.rank[second] end)
  local entries = {}
  for place, id in ipairs(order) do
    entries[place] = kept.entries[id]
  end
  local list = kept.open .. "\n" .. table.concat(entries, "\n") .. "\n" .. kept.close
  return with_places(s, doc, request, html, function(number)
    return texts[number] or pandoc.utils.stringify(pandoc.Plain(s.later[number]))
  end, not request.suppress_bibliography and list or nil)
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
  local function meta_of(references)
    return {
      references = references,
      csl = style(request, references),
      lang = request.lang,
      ["link-citations"] = request.link_citations,
      ["link-bibliography"] = true,
      ["suppress-bibliography"] = request.suppress_bibliography,
      ["notes-after-punctuation"] = request.notes_after_punctuation,
    }
  end
  local kept = kept_for(s, request, meta_of, writer)
  if kept and #s.problems == 0 then
    s.works = cited
    return from_kept(s, doc, kept, meta_of, request, writer)
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
  local nocite_inlines
  if nocite then
    local inlines = text.inlines(nocite)
    nocite_inlines = pandoc.MetaInlines(inlines)
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
  local meta = meta_of(references)
  meta.nocite = nocite_inlines
  s.works = cited
  if s.apart then
    return apart(s, doc, meta, request, writer)
  end
  doc.meta = pandoc.Meta(meta)
  return pandoc.utils.citeproc(doc)
end

return citations
