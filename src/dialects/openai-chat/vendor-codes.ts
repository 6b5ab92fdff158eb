import { numberIn } from '../fields.ts'

/** The meaning of a number in an error body: an HTTP status, or a word that `wire/verdict.ts` knows; 0 if it is unknown. */
type VendorCodeMeaning =
  | number
  | 'content_filter'
  | 'context_length_exceeded'
  | 'insufficient_quota'
  | 'model_not_found'

/** MiniMax's codes in `base_resp.status_code`. MiniMax API, error codes */
const minimax: Readonly<Record<number, VendorCodeMeaning>> = {
  1000: 500,
  1001: 504,
  1002: 429,
  1004: 401,
  1008: 'insufficient_quota',
  1013: 500,
  1024: 500,
  1026: 'content_filter',
  1027: 'content_filter',
  1033: 500,
  // the account's limit of tokens per minute
  1039: 429,
  1041: 429,
  1042: 400,
  2013: 400,
  2045: 429,
  2049: 401,
  2056: 'insufficient_quota',
  2061: 403,
}

/** Zhipu's codes in `error.code` that are more precise than their hundred. Z.AI API, errors */
const zhipu: Readonly<Record<number, VendorCodeMeaning>> = {
  1113: 'insufficient_quota',
  1120: 503,
  1200: 500,
  1211: 'model_not_found',
  1230: 500,
  1234: 500,
  1261: 'context_length_exceeded',
  1300: 'content_filter',
  1301: 'content_filter',
  1302: 429,
  1303: 429,
  1304: 'insufficient_quota',
  1305: 429,
  1308: 'insufficient_quota',
  1309: 'insufficient_quota',
}
const zhipuByHundred: Readonly<Record<number, VendorCodeMeaning>> = { 10: 401, 11: 401, 12: 400, 13: 429 }

/** SiliconFlow's codes by thousand: 400 comes with 20012, 403 with 30001, 503 with 50505. SiliconFlow, error codes */
const siliconflowByThousand: Readonly<Record<number, VendorCodeMeaning>> = {
  20: 400,
  30: 'insufficient_quota',
  50: 503,
}

/** Returns the meaning of MiniMax's code. */
export function meaningOfBaseResp(code: number): VendorCodeMeaning {
  return minimax[code] ?? 0
}

/** Returns the meaning of any other code. A code may be an HTTP status, or begin with one, as 40301 does. */
export function meaningOfCode(code: unknown): VendorCodeMeaning {
  const number = numberIn(code)
  if (isStatus(number)) return number
  if (typeof code === 'string' && number >= 1000 && number < 2000)
    return zhipu[number] ?? zhipuByHundred[Math.floor(number / 100)] ?? 0
  if (!(number >= 10_000 && number < 1_000_000)) return 0
  const begin = Number(String(number).slice(0, 3))
  return siliconflowByThousand[Math.floor(number / 1000)] ?? (isStatus(begin) ? begin : 0)
}

function isStatus(number: number): boolean {
  return number >= 400 && number < 600
}
