-- Callouts, tabs, theorems, proofs and conditional content: the fenced divisions that Quarto gives a meaning.

local numbering = require("numbering")
local state = require("state")
local text = require("markdown")

local blocks = {}

local CALLOUTS = { note = true, tip = true, warning = true, important = true, caution = true }

local function div(content, ...)
  return pandoc.Div(content, pandoc.Attr("", { ... }))
end

local function raw(html)
  return pandoc.RawBlock("html", html)
end

-- Takes the heading that opens a division and returns its words.
local function leading_heading(content)
  if content[1] and content[1].t == "Header" then
    local heading = content[1]
    content:remove(1)
    return heading.content
  end
  return pandoc.Inlines({})
end

local function without(classes, drop)
  return classes:filter(function(class) return not drop(class) end)
end

-- The kind of callout that a division is, or nil: `callout-tip` is "tip", a bare `callout` is "none".
function blocks.callout_kind(s, classes)
  for _, class in ipairs(classes) do
    local kind = class:match("^callout%-(.+)$")
    if kind then
      if not CALLOUTS[kind] then
        state.problem(s, "the callout '" .. class .. "' is not known.", class,
          "Known are callout-note, callout-tip, callout-warning, callout-important and callout-caution.")
        kind = "note"
      end
      return kind
    end
  end
  return classes:includes("callout") and "none" or nil
end

function blocks.callout(s, division, kind, walk)
  local attributes = {}
  for name, value in pairs(division.attributes) do
    attributes[name] = value
  end
  local function take(name)
    local value = attributes[name]
    attributes[name] = nil
    return value
  end
  local content = division.content:clone()
  local written = take("title")
  local title = written and written ~= "" and text.inlines(written) or leading_heading(content)
  local appearance, icon, collapse = take("appearance"), take("icon"), take("collapse")
  appearance = appearance or s.options["callout-appearance"] or (kind == "none" and "simple" or "default")
  if icon == nil then
    icon = s.options["callout-icon"]
    if icon == nil then
      icon = kind ~= "none"
    end
  end
  icon = icon ~= "false" and icon ~= false
  if appearance == "minimal" then
    appearance, icon = "simple", false
  elseif appearance ~= "simple" then
    appearance = "default"
  end
  local name = s.language["callout-" .. kind .. "-title"] or (kind:sub(1, 1):upper() .. kind:sub(2))

  title = walk(pandoc.Blocks({ pandoc.Plain(title) }))[1].content
  local said = true
  local kind_of, prefix = state.kind_of(s, division.identifier)
  if kind_of and kind_of.kind == "callout" then
    local entry = numbering.register(s, prefix, division.identifier)
    local words = numbering.caption_prefix(s, prefix, entry, #title > 0)
    words:extend(title)
    title = words
  elseif #title == 0 and appearance == "default" then
    title = pandoc.Inlines(name)
  else
    said = false
  end
  content = walk(content)

  local classes = without(division.classes, function(class) return class:match("^callout") end)
  classes:extend({ "callout", "callout-style-" .. appearance })
  classes:insert("callout-" .. kind)
  if not icon then
    classes:insert("no-icon")
  end
  if #content == 0 then
    classes:insert("callout-empty-content")
  end
  local image = div({ raw("<i class='callout-icon" .. (icon and "" or " no-icon") .. "'></i>") }, "callout-icon-container")
  local body = div(content, "callout-body-container")
  local parts
  if #title > 0 then
    classes:insert("callout-titled")
    if not said and kind ~= "none" then
      title:insert(1, pandoc.Span(pandoc.Inlines(name), pandoc.Attr("", { "screen-reader-only" })))
    end
    local header = div({ image, div({ pandoc.Plain(title) }, "callout-title-container", "flex-fill") },
      "callout-header", "d-flex", "align-content-center")
    body.classes:insert("callout-body")
    if collapse ~= nil then
      local id = state.fresh(s, "callout")
      local open = collapse ~= "true"
      header.attributes["bs-toggle"] = "collapse"
      header.attributes["bs-target"] = "." .. id .. "-contents"
      header.attributes["aria-controls"] = id
      header.attributes["aria-expanded"] = open and "true" or "false"
      header.attributes["aria-label"] = "Toggle callout"
      if not open then
        header.classes:insert("collapsed")
      end
      header.content:insert(raw("<div class='callout-btn-toggle d-inline-block border-0 py-1 ps-1 pe-0 float-end'>"
        .. "<i class='callout-toggle'></i></div>"))
      local box = pandoc.Div({ body }, pandoc.Attr(id, { id .. "-contents", "callout-collapse", "collapse" }))
      if open then
        box.classes:insert("show")
      end
      body = box
    end
    parts = { header, body }
  else
    parts = { div({ image, body }, "callout-body", "d-flex") }
  end
  return pandoc.Div(parts, pandoc.Attr(division.identifier, classes, attributes))
end

-- Tabs: each heading of the first heading's level opens one.
function blocks.tabset(s, division, walk)
  local first = division.content:find_if(function(block) return block.t == "Header" end)
  if not first then
    state.problem(s, "a tabset has no headings, so it has no tabs.", "panel-tabset",
      "Give each tab a heading, such as '## PyTorch'.")
    return pandoc.Div({})
  end
  local tabs, before = pandoc.List({}), pandoc.Blocks({})
  for _, block in ipairs(division.content) do
    if block.t == "Header" and block.level == first.level then
      tabs:insert({ heading = block, content = pandoc.Blocks({}) })
    elseif #tabs > 0 then
      tabs[#tabs].content:insert(block)
    else
      before:insert(block)
    end
  end
  local id = state.fresh(s, "tabset")
  local active = 1
  for number, tab in ipairs(tabs) do
    if tab.heading.classes:includes("active") then
      active = number
      break
    end
  end
  local strip, panes = pandoc.Inlines({}), pandoc.Blocks({})
  local function put(html)
    strip:insert(pandoc.RawInline("html", html))
  end
  put('<ul class="nav nav-tabs" role="tablist">')
  for number, tab in ipairs(tabs) do
    local pane = id .. "-" .. number
    local on = number == active
    put('<li class="nav-item" role="presentation"><a class="nav-link' .. (on and " active" or "") .. '" id="' .. pane
      .. '-tab" data-bs-toggle="tab" data-bs-target="#' .. pane .. '" role="tab" aria-controls="' .. pane
      .. '" aria-selected="' .. (on and "true" or "false") .. '" href="#' .. pane .. '">')
    strip:extend(walk(pandoc.Blocks({ pandoc.Plain(tab.heading.content) }))[1].content)
    put("</a></li>")
    local attr = pandoc.Attr(pane, tab.heading.classes:clone(), { { "role", "tabpanel" }, { "aria-labelledby", pane .. "-tab" } })
    attr.classes:insert("tab-pane")
    if on and not attr.classes:includes("active") then
      attr.classes:insert("active")
    end
    panes:insert(pandoc.Div(walk(tab.content), attr))
  end
  put("</ul>")
  before = walk(before) -- the code of a cell whose output is in tabs stands above them
  before:insert(pandoc.Div({ pandoc.Plain(strip), div(panes, "tab-content") }, division.attr))
  return before
end

-- The block that carries the title of a theorem or proof: its first paragraph, or a paragraph made for it.
local function open_with(content, inlines, spare)
  local head = content[1]
  if not head or head.t ~= "Para" then
    content:insert(1, pandoc.Para(spare))
    head = content[1]
  end
  local words = pandoc.Inlines(inlines)
  words:extend(head.content)
  content[1] = pandoc.Para(words)
  return content
end

local function named(division, walk)
  local content = division.content:clone()
  local name = pandoc.Inlines({})
  if division.attributes["name"] then
    name = text.inlines(division.attributes["name"])
  else
    name = leading_heading(content)
  end
  for number, block in ipairs(content) do
    if block.t == "Header" then
      block.classes:insert("unnumbered")
      content[number] = block
    end
  end
  return walk(pandoc.Blocks({ pandoc.Plain(name) }))[1].content, content
end

local function attributes_without_name(division)
  local attributes = {}
  for key, value in pairs(division.attributes) do
    if key ~= "name" then
      attributes[key] = value
    end
  end
  return attributes
end

function blocks.theorem(s, division, prefix, walk)
  local entry = numbering.register(s, prefix, division.identifier)
  local name, content = named(division, walk)
  content = walk(content)
  local words = numbering.title(s, prefix)
  words:extend({ pandoc.Space(), pandoc.Str(numbering.label(s, prefix, entry)) })
  if #name > 0 then
    words:extend({ pandoc.Space(), pandoc.Str("(") })
    words:extend(name)
    words:insert(pandoc.Str(")"))
  end
  local title = { pandoc.Span({ pandoc.Strong(words) }, pandoc.Attr("", { "theorem-title" })), pandoc.Space() }
  content = open_with(content, title, { pandoc.Str("\u{a0}") })
  local classes = division.classes:clone()
  classes:insert("theorem")
  if s.kinds[prefix].class ~= "theorem" then
    classes:insert(s.kinds[prefix].class)
  end
  return pandoc.Div(content, pandoc.Attr(division.identifier, classes, attributes_without_name(division)))
end

local PROOFS = { proof = "Proof", remark = "Remark", solution = "Solution" }

function blocks.proof_class(s, division)
  local kind = state.kind_of(s, division.identifier)
  if kind and kind.kind == "proof" then
    return kind.class
  end
  for class in pairs(PROOFS) do
    if division.classes:includes(class) then
      return class
    end
  end
  return nil
end

function blocks.proof(s, division, class, walk)
  local name, content = named(division, walk)
  local title = pandoc.Emph(pandoc.Inlines(s.language["environment-" .. class .. "-title"] or PROOFS[class]))
  local prefix = state.prefix_of(s, division.identifier)
  if prefix then
    local entry = numbering.register(s, prefix, division.identifier)
    title.content:extend({ pandoc.Space(), pandoc.Str(numbering.label(s, prefix, entry)) })
  end
  content = walk(content)
  local words = pandoc.Inlines({ title })
  if #name > 0 then
    words:insert(pandoc.Str(" ("))
    words:extend(name)
    words:insert(pandoc.Str(")"))
  end
  words:insert(pandoc.Str(". "))
  local span = pandoc.Span(words, pandoc.Attr("", { "proof-title" }))
  if content[1] and content[1].t == "Para" then
    content = open_with(content, { span }, {})
  else
    content:insert(1, pandoc.Para({ span }))
  end
  local classes = division.classes:clone()
  for _, wanted in ipairs({ "proof", class }) do
    if not classes:includes(wanted) then
      classes:insert(wanted)
    end
  end
  return pandoc.Div(content, pandoc.Attr(division.identifier, classes, attributes_without_name(division)))
end

-- --- conditional content ---------------------------------------------------------------------------------------------

local FORMATS = { html = true, ["html:js"] = true, website = true }

local function metadata_at(s, path)
  local value = s.metadata_lookup
  for part in path:gmatch("[^.]+") do
    if type(value) ~= "table" then
      return nil
    end
    value = value[part]
  end
  return value
end

local function truthy(value)
  return value ~= nil and value ~= false and value ~= pandoc.json.null and value ~= "false"
end

local CONDITIONS = {
  ["when-format"] = function(_, value) return FORMATS[value] == true end,
  ["unless-format"] = function(_, value) return FORMATS[value] ~= true end,
  ["when-meta"] = function(s, value) return truthy(metadata_at(s, value)) end,
  ["unless-meta"] = function(s, value) return not truthy(metadata_at(s, value)) end,
  ["when-profile"] = function() return false end,
  ["unless-profile"] = function() return true end,
}

-- Whether conditional content is shown here; nil for what is not conditional. Takes the conditions off the element.
function blocks.shown(s, element)
  local visible = element.classes:includes("content-visible")
  if not visible and not element.classes:includes("content-hidden") then
    return nil
  end
  local met = true
  for name, test in pairs(CONDITIONS) do
    local value = element.attributes[name]
    if value then
      met = met and test(s, value)
      element.attributes[name] = nil
    end
  end
  element.classes = without(element.classes, function(class)
    return class == "content-visible" or class == "content-hidden"
  end)
  if visible then
    return met
  end
  return not met
end

return blocks
