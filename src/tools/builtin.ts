import type { InProcessTool } from './in-process.ts'

/** The tool that returns the current time. @param now milliseconds since 1970 */
export function currentTime(now: () => number): InProcessTool {
  return {
    name: 'current_time',
    description: 'The current date and time, with the day of the week and the offset from UTC.',
    parameters: {
      type: 'object',
      properties: {
        timezone: { type: 'string', description: 'An IANA time zone, such as Europe/Berlin. UTC if it is left out.' },
      },
      additionalProperties: false,
    },
    supportsStreaming: false,
    async run({ timezone = 'UTC' }) {
      if (typeof timezone !== 'string' || !isTimeZone(timezone))
        return {
          content: 'timezone is not an IANA time zone. Examples: UTC, Europe/Berlin, America/New_York.',
          isError: true,
        }
      return { content: timeIn(timezone, now()), isError: false }
    },
  }
}

function isTimeZone(name: string): boolean {
  try {
    return name.length < 100 && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}

/** Formats the time: `2026-11-21T12:34:56+01:00 (Saturday, Europe/Berlin)`. */
function timeIn(timeZone: string, now: number): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    weekday: 'long',
    timeZoneName: 'longOffset',
  })
  const part = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]))
  const offset = part.timeZoneName?.replace('GMT', '') || '+00:00'
  const date = `${part.year?.padStart(4, '0')}-${part.month}-${part.day}`
  return `${date}T${part.hour}:${part.minute}:${part.second}${offset} (${part.weekday}, ${timeZone})`
}
