import type { Part } from '../chat/message.ts'
import type { ChatRequest, OfferedTool } from '../chat/request.ts'
import { countTokens } from './count-tokens.ts'

/** Tokens of a picture of a usual size. */
const perImage = 1_600
/** Characters of base64 for one token of a file: a page of a PDF file is some 2,000 tokens. */
const perFileToken = 30
const perMessage = 6
const perTool = 16
/** What a service adds to a request that has tools. */
const forTools = 350
/** The estimate of a text is 5 % off for English, and more for code. A client that is told too little compacts too late. */
const margin = 1.15

/** Estimates the tokens of a request. It is rather too high than too low. */
export function countRequest({ messages, parameters: { tools = [] } }: ChatRequest): number {
  let tokens = messages.length * perMessage + (tools.length > 0 ? forTools : 0)
  for (const { content } of messages) for (const part of content) tokens += tokensOfPart(part)
  for (const tool of tools) tokens += perTool + tokensOfText(JSON.stringify(shownOf(tool)))
  return Math.ceil(tokens)
}

function shownOf(tool: OfferedTool) {
  return tool.type === 'function' ? [tool.name, tool.description, tool.parameters] : tool.extra
}

function tokensOfPart(part: Part): number {
  switch (part.type) {
    case 'text':
    case 'refusal':
    case 'reasoning':
      return tokensOfText(part.text)
    case 'tool-call':
      return perTool + tokensOfText(part.name + part.arguments)
    case 'image':
      return perImage
    case 'file':
      return (part.content?.length ?? 0) / perFileToken
    default:
      return tokensOfText(JSON.stringify(part))
  }
}

function tokensOfText(text: string): number {
  return countTokens(text) * margin
}
