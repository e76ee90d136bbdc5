-- Numbers and names of what can be referred to: "Figure 3 (b)", "Section 1.2", "(a)".

local state = require("state")
local text = require("markdown")

local numbering = {}

local function option(s, name)
  local value = s.crossref[name]
  if value == nil or value == pandoc.json.null then
    return nil
  end
  return value
end

-- Chapter numbers come first in "1.2" only where the document is numbered by chapters.
local function chapter(s, section)
  if option(s, "chapters") ~= true or s.top_level ~= 1 or not section or section[1] == 0 then
    return nil
  end
  return tostring(section[1])
end

local function styled(s, style, number)
  if type(style) == "table" then
    return tostring(style[(number - 1) % #style + 1])
  end
  style = tostring(style)
  if style:match("^alpha") then
    local start = style:match("^alpha%s+(%S)") or "a"
    return utf8.char(utf8.codepoint(start) + number - 1)
  elseif style:match("^roman") then
    local roman = pandoc.utils.to_roman_numeral(number)
    return style:match("i$") and roman:lower() or roman
  end
  return tostring(number)
end

-- The number of an entry as it is printed; sub-figures count a, b, c unless told otherwise.
function numbering.label(s, prefix, entry)
  local default = prefix == "subref" and "alpha a" or "arabic"
  local style = option(s, prefix .. "-labels") or option(s, "labels") or default
  local number = styled(s, style, entry.order)
  local part = chapter(s, entry.section)
  if part then
    number = part .. "." .. number
  end
  return number
end

-- "1.2.1" from the counters of the headings around; a document without level 1 starts to count at level 2.
function numbering.section(s, counters, depth)
  local number = s.top_level == 1 and tostring(counters[1]) or ""
  local last = 1
  for level = depth or #counters, 2, -1 do
    if counters[level] > 0 then
      last = level
      break
    end
  end
  for level = 2, last do
    number = number .. (number ~= "" and "." or "") .. tostring(counters[level])
  end
  return number
end

-- Gives the next number of a kind to an id; a part of another thing counts within it.
function numbering.register(s, prefix, id, parent)
  local entry = { prefix = prefix, parent = parent }
  if parent then
    local owner = s.entries[parent]
    owner.parts = (owner.parts or 0) + 1
    entry.order = owner.parts
  else
    s.counters[prefix] = (s.counters[prefix] or 0) + 1
    entry.order = s.counters[prefix]
    entry.section = { table.unpack(s.sections) }
  end
  if id ~= "" then
    if s.entries[id] then
      state.problem(s, "the id '" .. id .. "' is used twice.", "#" .. id, "Give one of them another id.")
    end
    s.entries[id] = entry
  end
  return entry
end

-- Starts a chapter: everything counts from 1 again where numbers begin with the chapter's.
function numbering.start_chapter(s)
  if option(s, "chapters") == true then
    s.counters = {}
  end
end

-- The word before a number in a caption: "Figure", or what `crossref: fig-title:` says.
function numbering.title(s, prefix)
  local own = option(s, prefix .. "-title")
  if own ~= nil then
    return text.inlines(tostring(own))
  end
  local kind = s.kinds[prefix]
  local word = s.language["crossref-" .. prefix .. "-title"]
    or (kind.kind == "callout" and s.language["callout-" .. kind.callout .. "-title"])
    or kind.name
  return pandoc.Inlines(word)
end

-- "Figure 3: " before a caption; only "Figure 3" before none.
function numbering.caption_prefix(s, prefix, entry, with_delimiter)
  local words = numbering.title(s, prefix)
  if s.kinds[prefix].space ~= false then
    words:insert(pandoc.Str("\u{a0}"))
  end
  words:insert(pandoc.Str(numbering.label(s, prefix, entry)))
  if with_delimiter then
    words:extend(text.inlines(tostring(option(s, "title-delim") or ":")))
    words:insert(pandoc.Space())
  end
  return words
end

-- The word before a number in a reference: "Figure", or what `crossref: fig-prefix:` says.
function numbering.reference_word(s, prefix, capital)
  local own = option(s, prefix .. "-prefix")
  local words
  if own ~= nil then
    words = text.inlines(tostring(own))
  else
    local kind = s.kinds[prefix]
    local word = kind.reference
      or s.language["crossref-" .. prefix .. "-prefix"]
      or s.language["crossref-" .. prefix .. "-title"]
      or kind.name
    words = pandoc.Inlines(word)
  end
  if capital and words[1] and words[1].t == "Str" then
    local word = words[1].text
    words[1] = pandoc.Str(pandoc.text.upper(pandoc.text.sub(word, 1, 1)) .. pandoc.text.sub(word, 2))
  end
  return words
end

-- What stands for one reference: "Figure 3 (b)" as a link.
function numbering.reference(s, citation)
  local id = citation.id
  local capital = id:match("^%u") ~= nil
  id = pandoc.text.lower(pandoc.text.sub(id, 1, 1)) .. pandoc.text.sub(id, 2)
  local prefix = state.prefix_of(s, id)
  if not prefix then
    return nil
  end
  local entry = s.entries[id]
  if not entry then
    return nil, prefix, id
  end
  local words = pandoc.Inlines({})
  local function lead(with)
    words:extend(with)
    if #with > 0 and s.kinds[prefix].space ~= false then
      words:insert(pandoc.Str("\u{a0}"))
    end
  end
  if #citation.prefix > 0 then
    lead(citation.prefix)
  elseif citation.mode ~= "SuppressAuthor" then
    local word_kind = prefix
    if prefix == "sec" and option(s, "chapters") == true and numbering.is_chapter(entry) then
      s.kinds.ch = s.kinds.ch or { kind = "section", name = "Chapter" }
      word_kind = "ch"
    end
    lead(numbering.reference_word(s, word_kind, capital))
  end
  if entry.parent then
    local parent = s.entries[entry.parent]
    words:insert(pandoc.Str(numbering.label(s, parent.prefix, parent)))
    words:insert(pandoc.Space())
    words:insert(pandoc.Str("(" .. numbering.label(s, "subref", entry) .. ")"))
  elseif prefix == "sec" then
    local number = numbering.section(s, entry.section)
    words:insert(pandoc.Str(number))
  else
    words:insert(pandoc.Str(numbering.label(s, prefix, entry)))
  end
  if option(s, "ref-hyperlink") == false then
    return words
  end
  return pandoc.Inlines({ pandoc.Link(words, "#" .. id, "", pandoc.Attr("", { "quarto-xref" })) })
end

function numbering.is_chapter(entry)
  for level = 2, #entry.section do
    if entry.section[level] > 0 then
      return false
    end
  end
  return true
end

function numbering.delimiter(s)
  local delimiter = option(s, "ref-delim")
  return delimiter ~= nil and text.inlines(tostring(delimiter)) or pandoc.Inlines({ pandoc.Str(",") })
end

return numbering
