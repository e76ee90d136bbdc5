-- One document from Markdown to the HTML of its body, in the order that Quarto has:
-- shortcodes, conditional content, numbered things in document order, references, citations, HTML.

local annotations = require("annotations")
local blocks = require("blocks")
local citations = require("citations")
local code = require("code")
local floats = require("floats")
local numbering = require("numbering")
local shortcodes = require("shortcodes")
local state = require("state")
local text = require("markdown")

local document = {}

-- Display math that carries an id: its number stands beside it, and the id on the span around both.
local function equation(s, span)
  local entry = numbering.register(s, "eq", span.identifier)
  local number = pandoc.Span(pandoc.Inlines({ pandoc.Str("(" .. numbering.label(s, "eq", entry) .. ")") }),
    pandoc.Attr("", { "eq-number" }))
  local content = span.content:clone()
  content:insert(number)
  return pandoc.Span(content, pandoc.Attr(span.identifier, { "equation" }, span.attributes))
end

local function heading(s, header)
  if header.classes:includes("unnumbered") or header.attributes["bk-counted"] then
    header.attributes["bk-counted"] = nil
    return header
  end
  local level = math.min(header.level, 7)
  local counters = s.sections
  for deeper = level + 1, #counters do
    counters[deeper] = s.offsets[deeper]
  end
  counters[level] = counters[level] + 1
  if level == 1 then
    numbering.start_chapter(s)
  end
  if header.identifier:match("^sec%-") then
    numbering.register(s, "sec", header.identifier)
  end
  local depth = tonumber(s.options["number-depth"] or 6) or 6
  if s.options["number-sections"] == true and level <= depth then
    local number = numbering.section(s, counters, level)
    header.attributes["number"] = number
    header.content:insert(1, pandoc.Space())
    header.content:insert(1, pandoc.Span({ pandoc.Str(number) }, pandoc.Attr("", { "header-section-number" })))
  end
  return header
end

-- A caption's words and the blocks above it, of a division that ends with a paragraph.
local function split_caption(s, division, prefix)
  local content = division.content:clone()
  local last = content[#content]
  if #content > 1 and last.t == "Para" then
    content:remove(#content)
    return last.content, content
  end
  local written = division.attributes[prefix .. "-cap"]
  if written then
    return text.inlines(written), content
  end
  local caption = pandoc.Inlines({})
  content = content:walk({
    CodeBlock = function(block)
      if prefix == "lst" and block.attributes["lst-cap"] and #caption == 0 then
        caption = text.inlines(block.attributes["lst-cap"])
        block.attributes["lst-cap"] = nil
        return block
      end
    end,
    Table = function(block)
      if #block.caption.long > 0 and #caption == 0 and not state.prefix_of(s, block.identifier) then
        caption = pandoc.utils.blocks_to_inlines(block.caption.long)
        block.caption = { long = {} }
        return block
      end
    end,
  })
  return caption, content
end

-- A division that is only an image: what the image says is meant for the float.
local function lone_image(content)
  local block = #content == 1 and content[1]
  if block and block.t == "Para" and #block.content == 1 and block.content[1].t == "Image" then
    return block.content[1]
  end
  return nil
end

local function merged_attributes(first, second, except)
  local attributes = {}
  for name, value in pairs(first) do
    attributes[name] = value
  end
  for name, value in pairs(second) do
    if not except[name] then
      attributes[name] = value
    end
  end
  return attributes
end

local SIZES = { width = true, height = true }

local function new_filter(s, traits)
  local filter = { traverse = "topdown" }
  local function walk(content)
    return pandoc.Blocks(content):walk(filter)
  end

  local function float_division(division, prefix)
    local caption, content = split_caption(s, division, prefix)
    local classes, attributes = division.classes, merged_attributes(division.attributes, {}, {})
    for _, class in ipairs(classes) do
      local place = class:match("cap%-location%-(.*)$")
      if place then
        attributes[prefix .. "-cap-location"] = place
      end
    end
    classes = classes:filter(function(class) return not class:match("cap%-location%-") end)
    local image = lone_image(content)
    if image then
      attributes = merged_attributes(attributes, image.attributes, SIZES)
    end
    local before = pandoc.Blocks({})
    local is_cell = classes:includes("cell")
    if is_cell and not floats.wants_layout(attributes) then
      -- the code of a notebook's cell stands above the figure, not in it
      local display = pandoc.Blocks({})
      for _, block in ipairs(content) do
        if block.t == "Div" and block.classes:includes("cell-output-display") then
          display:insert(block)
        else
          before:insert(block)
        end
      end
      if #display == 0 then
        division.identifier = ""
        return pandoc.Div(walk(content), pandoc.Attr("", classes))
      end
      content = display
    end
    caption = walk(pandoc.Blocks({ pandoc.Plain(caption) }))[1].content
    if is_cell then
      attributes["execution_count"] = nil
    end
    before = walk(before)
    local made = floats.make(s, {
      id = division.identifier, prefix = prefix, attributes = attributes, walk = walk, caption = caption,
      content = content, classes = classes:filter(function(class) return class ~= "cell" end),
    })
    if is_cell then
      before:extend(made)
      return pandoc.Div(before, pandoc.Attr("", { "cell" }))
    end
    return made
  end

  filter.Header = function(header)
    return heading(s, header)
  end

  filter.Div = function(division)
    local shown = blocks.shown(s, division)
    if shown == false then
      return {}, false
    elseif shown then
      if division.identifier == "" and #division.classes == 0 and #division.attributes == 0 then
        return walk(division.content), false
      end
    end
    local callout = blocks.callout_kind(s, division.classes)
    if callout then
      return blocks.callout(s, division, callout, walk), false
    end
    if division.classes:includes("panel-tabset") then
      return blocks.tabset(s, division, walk), false
    end
    local kind, prefix = state.kind_of(s, division.identifier)
    if kind and kind.kind == "theorem" then
      return blocks.theorem(s, division, prefix, walk), false
    end
    local proof = blocks.proof_class(s, division)
    if proof then
      return blocks.proof(s, division, proof, walk), false
    end
    if kind and kind.kind == "float" then
      return float_division(division, prefix), false
    end
    if floats.wants_layout(division.attributes) then
      local attributes = merged_attributes(division.attributes, {}, {})
      local preamble, rows = floats.rows(s, walk(floats.split_panels(division.content)), attributes, false)
      local classes = division.classes:clone()
      classes:insert("quarto-layout-panel")
      preamble:insert(pandoc.Div(rows, pandoc.Attr(division.identifier, classes, attributes)))
      return preamble, false
    end
    if division.classes:includes("aside") then
      local classes = division.classes:filter(function(class) return class ~= "aside" end)
      classes:extend({ "column-margin", "margin-aside" })
      division.classes = classes
      return division
    end
    return nil
  end

  filter.Span = function(span)
    local shown = blocks.shown(s, span)
    if shown == false then
      return {}, false
    elseif shown and span.identifier == "" and #span.classes == 0 then
      return span.content
    end
    if span.classes:includes("bk-equation") then
      return equation(s, span)
    end
    if span.classes:includes("aside") then
      local classes = span.classes:filter(function(class) return class ~= "aside" end)
      classes:extend({ "column-margin", "margin-aside" })
      return pandoc.Span(span.content, pandoc.Attr(span.identifier, classes, span.attributes))
    end
    return nil
  end

  filter.Figure = function(figure)
    local kind, prefix = state.kind_of(s, figure.identifier)
    if not kind or kind.kind ~= "float" then
      return floats.plain_figure(s, figure, walk), false
    end
    local attributes, classes = figure.attributes, figure.classes:clone()
    figure.content:walk({
      Image = function(image)
        attributes = merged_attributes(attributes, image.attributes, SIZES)
        for _, class in ipairs(image.classes) do
          if class ~= "border" then
            classes:insert(class)
          end
        end
      end,
    })
    local caption = walk(pandoc.Blocks({ pandoc.Plain(pandoc.utils.blocks_to_inlines(figure.caption.long)) }))[1].content
    return floats.make(s, {
      id = figure.identifier, prefix = prefix, classes = classes, attributes = attributes,
      content = figure.content, caption = caption, walk = walk,
    }), false
  end

  filter.Table = function(table_block)
    local kind, prefix = state.kind_of(s, table_block.identifier)
    if not kind or kind.kind ~= "float" then
      local attributes = merged_attributes(table_block.attributes, {}, {})
      table_block.classes = floats.style_table(s, table_block, table_block.classes:clone(), attributes)
      return table_block
    end
    local caption = pandoc.utils.blocks_to_inlines(table_block.caption.long)
    caption = walk(pandoc.Blocks({ pandoc.Plain(caption) }))[1].content
    local id, classes = table_block.identifier, table_block.classes:clone()
    local attributes = merged_attributes(table_block.attributes, {}, {})
    table_block.caption = { long = {} }
    table_block.attr = pandoc.Attr()
    return floats.make(s, {
      id = id, prefix = prefix, classes = classes, attributes = attributes,
      content = pandoc.Blocks({ table_block }), caption = caption, walk = walk,
    }), false
  end

  filter.CodeBlock = function(block)
    if block.classes:includes("bk-done") then
      block.classes = block.classes:filter(function(class) return class ~= "bk-done" end)
      return block
    end
    local kind, prefix = state.kind_of(s, block.identifier)
    if kind and kind.kind == "float" and block.attributes["lst-cap"] then
      local caption = text.inlines(block.attributes["lst-cap"])
      local id = block.identifier
      block.attributes["lst-cap"] = nil
      block.identifier = ""
      return floats.make(s, {
        id = id, prefix = prefix, classes = {}, attributes = {}, content = pandoc.Blocks({ block }),
        caption = walk(pandoc.Blocks({ pandoc.Plain(caption) }))[1].content, walk = walk,
      }), false
    end
    return code.block(s, block), false
  end

  filter.RawBlock = function(block)
    return code.raw(s, block)
  end
  filter.RawInline = filter.RawBlock

  if s.apart then
    filter.Cite = function(cite)
      return citations.later(s, cite), false
    end
  end

  if traits.images then
    -- `![](x.png){#fig-x}` without words, and an image inside a link, are no figures to pandoc
    filter.Para = function(para)
      if #para.content ~= 1 then
        return nil
      end
      local inner = para.content[1]
      local image, content = inner, pandoc.Inlines({ inner })
      if inner.t == "Link" and #inner.content == 1 then
        image = inner.content[1]
      end
      if image.t ~= "Image" then
        return nil
      end
      local kind, prefix = state.kind_of(s, image.identifier)
      if (not kind or kind.kind ~= "float") then
        if inner.t == "Link" and #image.caption > 0 then
          local figure = pandoc.Figure({ pandoc.Plain(content) }, { long = { pandoc.Plain(image.caption) } })
          return floats.plain_figure(s, figure, walk), false
        end
        return nil
      end
      local id, caption = image.identifier, image.caption:clone()
      local attributes, classes = image.attributes, image.classes
      image.identifier = ""
      if inner.t == "Link" then
        inner.content = pandoc.Inlines({ image })
        content = pandoc.Inlines({ inner })
      else
        content = pandoc.Inlines({ image })
      end
      return floats.make(s, {
        id = id, prefix = prefix, classes = classes, attributes = merged_attributes(attributes, {}, SIZES),
        content = pandoc.Blocks({ pandoc.Plain(content) }),
        caption = walk(pandoc.Blocks({ pandoc.Plain(caption) }))[1].content, walk = walk,
      }), false
    end
  end
  return filter, walk
end

-- What stands for `@fig-x`, once everything has its number; nil for a citation of works.
local function reference_words(s, cite)
  local words, unresolved, works = pandoc.Inlines({}), false, pandoc.List({})
  for number, citation in ipairs(cite.citations) do
    local reference, prefix, id = numbering.reference(s, citation)
    if reference then
      if number > 1 then
        words:extend(numbering.delimiter(s))
        words:insert(pandoc.Space())
      end
      words:extend(reference)
      if #citation.suffix > 0 then
        state.warn(s, "'" .. pandoc.utils.stringify(citation.suffix) .. "' after @" .. citation.id
          .. " is not shown, nor by Quarto: write it behind the bracket.", "@" .. citation.id)
      end
    elseif prefix then
      unresolved = true
      state.problem(s, "the reference @" .. id .. " names nothing in this post.", "@" .. citation.id,
        document.suggestion(s, id))
    else
      works:insert(citation)
    end
  end
  if #words > 0 and #works > 0 then -- `@fig-x [@smith]` is one citation to pandoc
    state.warn(s, "@" .. cite.citations[1].id .. " and @" .. works[1].id .. " are one citation, of which Quarto shows the "
      .. "first alone: put a word between them.", "@" .. cite.citations[1].id)
    works[1].mode = "NormalCitation"
    local rest = pandoc.Cite(pandoc.Inlines({}), works)
    citations.work(s, rest)
    words:extend({ pandoc.Space(), rest })
  end
  return (#words > 0 or unresolved) and words or nil
end

-- Replaces `@fig-x` by its words; what is left are citations of works.
local function resolve_references(s, doc)
  return doc:walk({
    Cite = function(cite)
      local words = reference_words(s, cite)
      if not words then
        citations.work(s, cite)
      end
      return words
    end,
  })
end

-- The nearest id that exists, for a reference that names none.
function document.suggestion(s, id)
  local near = {}
  local prefix = id:match("^(%a+)%-")
  for known in pairs(s.entries) do
    if known:match("^(%a+)%-") == prefix then
      near[#near + 1] = "@" .. known
    end
  end
  table.sort(near)
  if #near == 0 then
    return "Give the thing that is meant the id {#" .. id .. "}."
  end
  return "There are: " .. table.concat(near, ", ") .. "."
end

-- Metadata that are shown: Markdown in, HTML and plain words out.
local function fields(request, writer)
  local out = {}
  for name, markdown in pairs(request.fields or {}) do
    local plain = markdown:find("^%w[%w ,;:/()%%+-]*[%w?)]$") and not markdown:find("--", 1, true)
      and not markdown:find("^%w+%)") and not markdown:find("://", 1, true)
    if plain then
      out[name] = { html = markdown, text = markdown } -- no sign that means anything in Markdown
      goto continue
    end
    local read = text.read(markdown).blocks
    local inline = #read == 1 and read[1].t == "Para"
    if inline then
      read[1] = pandoc.Plain(read[1].content)
    end
    out[name] = {
      html = pandoc.write(pandoc.Pandoc(read), "html5", writer),
      text = pandoc.utils.stringify(read),
    }
    ::continue::
  end
  return out
end

-- The level of the highest heading: sections are numbered from there.
local function find_top_level(s, list)
  for _, block in ipairs(list) do
    if block.t == "Header" then
      s.top_level = math.min(s.top_level, block.level)
    elseif block.t == "Div" then
      find_top_level(s, block.content)
    end
  end
end

local function writer_options(request)
  return pandoc.WriterOptions({
    html_math_method = "mathml",
    section_divs = true,
    wrap_text = "none",
    identifier_prefix = request.id_prefix or "",
    reference_location = request.reference_location or "end-of-document",
  })
end

function document.render(request)
  local s = state.new(request)
  s.apart = request.short_style ~= nil
  s.metadata_lookup = request.metadata or {}
  local writer = writer_options(request)
  local doc = text.read(request.text)
  doc.meta = pandoc.Meta({})
  if request.traits.shortcodes then
    doc = shortcodes.apply(s, doc)
  end
  if request.traits.annotations then
    doc = annotations.apply(s, doc)
  end
  if request.traits.indented then
    doc:walk({
      Str = function(str)
        if str.text:match("^:::+$") or str.text:match("^:::+{") then
          state.problem(s, "this ::: is read as text, not as the edge of a block.", ":::",
            "Put it at the start of its line; in a list, exactly below the first letter of its item.")
        end
      end,
    })
  end
  if request.traits.escaped then
    doc = doc:walk({ CodeBlock = code.unescape, Code = code.unescape })
  end
  local list = doc.blocks -- each asking for them is a copy
  find_top_level(s, list)
  local _, walk = new_filter(s, request.traits)
  doc = pandoc.Pandoc(walk(list), doc.meta)
  if s.apart then
    citations.resolve(s, reference_words)
  elseif request.traits.at then
    doc = resolve_references(s, doc)
  end
  local finish
  doc, finish = citations.apply(s, doc, request, writer)
  local body = pandoc.write(doc, "html5", writer)
  if finish then
    body = finish(body)
  end
  for tex in body:gmatch('<span class="math[^>]*>(.-)</span>') do
    state.problem(s, "the mathematics " .. tex:sub(1, 60) .. " cannot be typeset.", tex:sub(1, 20),
      "Write it with the commands of LaTeX and amsmath.")
  end
  local answer = {
    body = body,
    fields = fields(request, writer),
    problems = #s.problems > 0 and s.problems or nil,
    warnings = #s.warnings > 0 and s.warnings or nil,
    works = s.works,
  }
  -- pandoc never lets go of the functions of a filter, nor they of what they know
  for name in pairs(s) do
    s[name] = nil
  end
  return answer
end

return document
