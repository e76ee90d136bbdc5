-- Figures, tables and listings with a caption and a number, alone or in rows.

local numbering = require("numbering")
local state = require("state")
local text = require("markdown")

local floats = {}

local LAYOUT = { "layout-ncol", "layout-nrow", "layout" }
local CAPTION_ID = "-caption-0ceaefa1-69ba-4598-a22c-09a6ac19f8ca" -- as Quarto writes it, so that it meets no other id

local function take(attributes, name)
  local value = attributes[name]
  attributes[name] = nil
  return value
end

function floats.wants_layout(attributes)
  for _, name in ipairs(LAYOUT) do
    if attributes[name] then
      return true
    end
  end
  return false
end

-- Where the caption goes: what the thing says, what the document says, or the habit of its kind.
local function caption_location(s, prefix, attributes)
  local own = take(attributes, prefix .. "-cap-location") or take(attributes, "cap-location")
  local place = own or s.options[prefix .. "-cap-location"] or s.options["cap-location"] or s.kinds[prefix].location
  if place ~= "top" and place ~= "bottom" and place ~= "margin" then
    state.problem(s, "the caption location '" .. tostring(place) .. "' is not known.", "cap-location",
      "Known are top, bottom and margin.")
    place = "bottom"
  end
  return place
end

local function with_class(classes, ...)
  local all = pandoc.List(classes):clone()
  for _, class in ipairs({ ... }) do
    if not all:includes(class) then
      all:insert(class)
    end
  end
  return all
end

local STYLES = { striped = true, hover = true, bordered = true, borderless = true, sm = true, responsive = true,
  primary = true, secondary = true, success = true, danger = true, warning = true, info = true, light = true,
  dark = true, active = true }

-- `.striped` on a table is Bootstrap's `table-striped`; widths come from tbl-colwidths.
function floats.style_table(s, table_block, classes, attributes)
  local keep = pandoc.List({})
  for _, class in ipairs(classes) do
    if STYLES[class] then
      table_block.classes:insert("table-" .. class)
    else
      keep:insert(class)
    end
  end
  local widths = take(attributes, "tbl-colwidths") or s.options["tbl-colwidths"]
  if type(widths) == "string" and widths:match("^%s*%[") then
    widths = pandoc.json.decode(widths, false)
  end
  if type(widths) == "table" then
    local total = 0
    for _, width in ipairs(widths) do
      total = total + width
    end
    local scale = total > 100 and total or 100
    for number, spec in ipairs(table_block.colspecs) do
      if widths[number] then
        table_block.colspecs[number] = { spec[1], widths[number] / scale }
      end
    end
  elseif widths == "auto" then
    for number, spec in ipairs(table_block.colspecs) do
      table_block.colspecs[number] = { spec[1], nil }
    end
  end
  return keep
end

-- Images inside a float show their alternative text, not the caption, which stands under the float.
local function quiet_images(blocks, alt)
  return blocks:walk({
    Image = function(image)
      image.caption = pandoc.Inlines({})
      if alt and image.attributes["fig-alt"] == nil and image.attributes["alt"] == nil then
        image.attributes["fig-alt"] = alt
      end
      return image
    end,
  })
end

local function percent(width)
  local number = tostring(width):match("^([%d.]+)%%$")
  return number and tonumber(number)
end

-- The rows of `layout="[[1,1],[1]]"` as lists of percentages; a negative number is a gap.
local function parse_layout(s, value, cells)
  local ok, layout = pcall(pandoc.json.decode, value, false)
  if not ok or type(layout) ~= "table" then
    state.problem(s, "the layout '" .. tostring(value) .. "' is not a list of numbers.", "layout=",
      'Write for example layout="[[1,1],[1]]".')
    return {}
  end
  if type(layout[1]) ~= "table" then
    local row, rows, count = layout, {}, 0
    repeat
      rows[#rows + 1] = row
      for _, width in ipairs(row) do
        if not tostring(width):match("^%-") then
          count = count + 1
        end
      end
    until count >= cells or count == 0
    layout = rows
  end
  local parsed = {}
  for _, row in ipairs(layout) do
    local total, numeric = 0, true
    for _, width in ipairs(row) do
      if type(width) ~= "number" then
        numeric = false
      else
        total = total + math.abs(width)
      end
    end
    local widths = {}
    for _, width in ipairs(row) do
      if numeric then
        widths[#widths + 1] = { gap = width < 0, width = string.format("%.1f%%", math.abs(width) / total * 100) }
      else
        local written = tostring(width)
        widths[#widths + 1] = { gap = written:match("^%-") ~= nil, width = (written:gsub("^%-", "")) }
      end
    end
    parsed[#parsed + 1] = widths
  end
  return parsed
end

-- Two images of one paragraph are two cells.
local function split_images(block)
  if block.t ~= "Para" then
    return nil
  end
  local images = pandoc.List({})
  for _, inline in ipairs(block.content) do
    if inline.t == "Image" then
      images:insert(inline)
    elseif inline.t ~= "SoftBreak" and inline.t ~= "Space" then
      return nil
    end
  end
  if #images < 2 then
    return nil
  end
  return images:map(function(image)
    if #image.caption > 0 then
      local figure = pandoc.Figure({ pandoc.Plain({ image }) }, { long = { pandoc.Plain(image.caption) } },
        pandoc.Attr(image.identifier))
      image.identifier = ""
      return figure
    end
    return pandoc.Para({ image })
  end)
end

function floats.split_panels(blocks)
  local split = pandoc.Blocks({})
  for _, block in ipairs(blocks) do
    local images = split_images(block)
    if images then
      split:extend(images)
    else
      split:insert(block)
    end
  end
  return split
end

local function is_preamble(block)
  return (block.t == "CodeBlock" and block.classes:includes("cell-code"))
    or (block.t == "Div" and (block.classes:includes("cell-output-stderr") or block.classes:includes("code-fold-box")))
end

-- Rows of cells from blocks that are already walked; what is code of a notebook cell comes before the rows.
function floats.rows(s, blocks, attributes, subrefs)
  local cells, preamble = pandoc.List({}), pandoc.Blocks({})
  local heading = nil
  for _, block in ipairs(blocks) do
    if is_preamble(block) then
      preamble:insert(block)
    elseif block.t == "Header" then
      heading = block
    else
      local inside = pandoc.Blocks({ block })
      if block.t == "Div" and block.classes:includes("cell-output-display") then
        inside = block.content
      end
      for _, one in ipairs(inside) do
        local cell = pandoc.Div({ one })
        if heading then
          cell.content:insert(1, heading)
          heading = nil
        end
        cells:insert(cell)
      end
    end
  end
  local columns = tonumber(take(attributes, "layout-ncol") or "")
  local nrow = tonumber(take(attributes, "layout-nrow") or "")
  local layout = take(attributes, "layout")
  local valign = take(attributes, "layout-valign")
  take(attributes, "layout-align")
  local rows = pandoc.Blocks({})
  local function new_row()
    local row = pandoc.Div({}, pandoc.Attr("", { "quarto-layout-row" }))
    if valign then
      row.classes:insert("quarto-layout-valign-" .. valign)
    end
    rows:insert(row)
    return #rows
  end
  local function put(cell, width)
    cell.classes:insert("quarto-layout-cell")
    if subrefs then
      cell.classes:insert("quarto-layout-cell-subref")
    end
    cell.attributes["style"] = "flex-basis: " .. width .. ";"
    local row = rows[#rows]
    row.content:insert(cell)
    rows[#rows] = row
  end
  if not columns and nrow then
    columns = math.ceil(#cells / nrow)
  end
  if columns or not layout then
    columns = columns or 1
    for number, cell in ipairs(cells) do
      if (number - 1) % columns == 0 then
        new_row()
      end
      put(cell, string.format("%.1f%%", 100 / columns))
    end
  else
    local next_cell = 1
    for _, widths in ipairs(parse_layout(s, layout, #cells)) do
      if next_cell > #cells then
        break
      end
      new_row()
      for _, item in ipairs(widths) do
        if item.gap then
          put(pandoc.Div({}, pandoc.Attr("", { "quarto-figure-spacer" })), item.width)
        elseif cells[next_cell] then
          put(cells[next_cell], item.width)
          next_cell = next_cell + 1
        end
      end
    end
    while next_cell <= #cells do
      new_row()
      put(cells[next_cell], "100.0%")
      next_cell = next_cell + 1
    end
  end
  return preamble, rows
end

-- A float as Quarto's HTML. `float`: id, prefix, classes, attributes, content (Blocks), caption (Inlines), walk.
function floats.make(s, float)
  local attributes = {}
  for name, value in pairs(float.attributes or {}) do
    attributes[name] = value
  end
  local parent = s.float
  local entry = numbering.register(s, float.prefix, float.id, parent)
  local place = caption_location(s, float.prefix, attributes)
  local alt = take(attributes, "fig-alt")
  take(attributes, "fig-cap")
  take(attributes, "fig-pos")
  take(attributes, "fig-env")
  take(attributes, "fig-scap")
  take(attributes, float.prefix .. "-cap")
  local align = take(attributes, "fig-align") or s.options["fig-align"] or "center"
  if float.prefix == "lst" then
    align = "left"
  end

  s.float = float.id
  local content = float.walk(floats.split_panels(float.content))
  s.float = parent
  local subrefs = (entry.parts or 0) > 0

  local caption = float.caption:clone()
  local captioned = #caption > 0
  if parent then
    local number = "(" .. numbering.label(s, "subref", entry) .. ")"
    if captioned then
      caption:insert(1, pandoc.Space())
    end
    caption:insert(1, pandoc.Str(number))
  else
    local words = numbering.caption_prefix(s, float.prefix, entry, captioned)
    words:extend(caption)
    caption = words
  end

  local classes = pandoc.List(float.classes or {})
  for _, block in ipairs(content) do
    if block.t == "Table" then
      classes = floats.style_table(s, block, classes, attributes)
    end
  end
  content = quiet_images(content, alt)

  local preamble = pandoc.Blocks({})
  local panel = floats.wants_layout(attributes)
  if panel then
    preamble, content = floats.rows(s, content, attributes, subrefs)
    classes = with_class(classes, "quarto-layout-panel")
  else
    classes = with_class(classes, "quarto-float", "quarto-figure", "quarto-figure-" .. align)
  end
  if float.prefix == "lst" then
    classes = with_class(classes, "listing")
  end
  if place == "margin" then
    classes = with_class(classes, "margin-caption")
  end
  take(attributes, "width")
  take(attributes, "height")

  local kind = (parent and "quarto-subfloat-" or "quarto-float-") .. float.prefix
  local caption_id = float.id .. CAPTION_ID
  local caption_classes = "quarto-float-caption-" .. place
    .. (parent and " quarto-subfloat-caption " or " quarto-float-caption ") .. kind
  if not captioned and not parent then
    caption_classes = caption_classes .. " quarto-uncaptioned"
  end
  local figcaption = pandoc.Blocks({
    pandoc.RawBlock("html", '<figcaption class="' .. caption_classes .. '" id="' .. caption_id .. '">'),
    pandoc.Plain(caption),
    pandoc.RawBlock("html", "</figcaption>"),
  })
  local inside = pandoc.Div(content, pandoc.Attr("", {}, { ["aria-describedby"] = caption_id }))
  local figure = pandoc.Blocks({
    pandoc.RawBlock("html", '<figure class="quarto-float ' .. kind .. ' figure">'),
  })
  if place == "top" then
    figure:extend(figcaption)
    figure:insert(inside)
  else
    figure:insert(inside)
    figure:extend(figcaption)
  end
  figure:insert(pandoc.RawBlock("html", "</figure>"))
  local block = pandoc.Div(figure, pandoc.Attr(float.id, classes, attributes))
  if #preamble > 0 then
    preamble:insert(block)
    return preamble
  end
  return pandoc.Blocks({ block })
end

-- A figure with a caption and no number, as Quarto's HTML.
function floats.plain_figure(s, figure, walk)
  local caption = pandoc.utils.blocks_to_inlines(figure.caption.long)
  local align = s.options["fig-align"] or "center"
  local classes = pandoc.List({})
  local content = walk(figure.content):walk({
    Image = function(image)
      align = image.attributes["fig-align"] or align
      image.attributes["fig-align"] = nil
      for _, class in ipairs(image.classes) do
        if class:match("^column%-") or class:match("^margin%-") then
          classes:insert(class)
        end
      end
      image.classes = image.classes:filter(function(class) return not classes:includes(class) end)
      image.caption = pandoc.Inlines({})
      return image
    end,
  })
  if (s.options["fig-cap-location"] or s.options["cap-location"]) == "margin" then
    classes:insert("margin-caption")
  end
  local blocks = pandoc.Blocks({ pandoc.RawBlock("html", '<figure class="figure">') })
  blocks:extend(content)
  blocks:extend({
    pandoc.RawBlock("html", "<figcaption>"),
    pandoc.Plain(walk(pandoc.Blocks({ pandoc.Plain(caption) }))[1].content),
    pandoc.RawBlock("html", "</figcaption></figure>"),
  })
  return pandoc.Div(blocks, pandoc.Attr(figure.identifier, with_class(classes, "quarto-figure", "quarto-figure-" .. align)))
end

return floats
