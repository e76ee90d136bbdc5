-- Shortcodes whose value is more than plain words. The text holds a token of private-use characters for each; here
-- the token becomes what the shortcode stands for, in prose, code, mathematics, links and images.

local text = require("markdown")

local shortcodes = {}

local OPEN, CLOSE = "\u{E000}", "\u{E001}"

-- The number that a token's digits (U+E010 to U+E019) spell.
local function number_of(digits)
  local number = 0
  for _, point in utf8.codes(digits) do
    number = number * 10 + (point - 0xE010)
  end
  return number
end

local PATTERN = OPEN .. "(.-)" .. CLOSE

local function plain(s, words)
  return (words:gsub(PATTERN, function(digits)
    local one = s.shortcodes[number_of(digits)]
    return one and one.text or ""
  end))
end

local function unescaped(target)
  return (target:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function in_target(s, target)
  if not target:find("%EE%80%80", 1, true) and not target:find(OPEN, 1, true) then
    return target
  end
  return plain(s, unescaped(target))
end

local function inlines_of(one)
  if one.html then
    return pandoc.Inlines({ pandoc.RawInline("html", one.html) })
  elseif one.markdown then
    return text.inlines(one.markdown)
  end
  return pandoc.Inlines({ pandoc.Str(one.text or "") })
end

local function split(s, str)
  if not str.text:find(OPEN, 1, true) then
    return nil
  end
  local out, from = pandoc.Inlines({}), 1
  while true do
    local start, stop, digits = str.text:find(PATTERN, from)
    if not start then
      break
    end
    if start > from then
      out:insert(pandoc.Str(str.text:sub(from, start - 1)))
    end
    local one = s.shortcodes[number_of(digits)]
    if one then
      out:extend(inlines_of(one))
    end
    from = stop + 1
  end
  if from <= #str.text then
    out:insert(pandoc.Str(str.text:sub(from)))
  end
  return out
end

-- A paragraph that is one shortcode becomes its blocks.
local function alone(s, block)
  if #block.content ~= 1 or block.content[1].t ~= "Str" then
    return nil
  end
  local digits = block.content[1].text:match("^" .. PATTERN .. "$")
  local one = digits and s.shortcodes[number_of(digits)]
  if one and one.block then
    if one.html then
      return { pandoc.RawBlock("html", one.html) }
    end
    return text.read(one.markdown).blocks
  end
  return nil
end

function shortcodes.apply(s, doc)
  local function in_text(element)
    if element.text:find(OPEN, 1, true) then
      element.text = plain(s, element.text)
      return element
    end
  end
  doc = doc:walk({ Para = function(block) return alone(s, block) end, Plain = function(block) return alone(s, block) end })
  return doc:walk({
    Str = function(str) return split(s, str) end,
    Code = in_text,
    CodeBlock = in_text,
    Math = in_text,
    RawInline = in_text,
    RawBlock = in_text,
    Link = function(link)
      local target = in_target(s, link.target)
      if target ~= link.target then
        link.target = target
        return link
      end
    end,
    Image = function(image)
      local source = in_target(s, image.src)
      local changed = source ~= image.src
      for name, value in pairs(image.attributes) do
        if value:find(OPEN, 1, true) then
          image.attributes[name] = plain(s, value)
          changed = true
        end
      end
      if changed then
        image.src = source
        return image
      end
    end,
    Div = function(div)
      for name, value in pairs(div.attributes) do
        if value:find(OPEN, 1, true) then
          div.attributes[name] = plain(s, value)
        end
      end
      return div
    end,
  })
end

return shortcodes
