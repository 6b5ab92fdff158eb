import { expect, test } from 'bun:test'
import { ExportReport } from './export-report.ts'

test('failures are named once a minute with the number of lost spans, and the end of them', () => {
  const lines: unknown[] = []
  const write = (fields: object, message: string) => void lines.push([message, fields])
  const log = { debug: write, info: write, warn: write, error: write, child: () => log }
  let now = 0
  const report = new ExportReport(log, { elapsed: () => now })
  report.noteSuccess()
  report.noteFailure('it is gone', 10)
  report.noteDropped()
  now = 59_000
  report.noteFailure('it is gone', 20)
  expect(lines).toEqual([['traces are lost', { why: 'it is gone', spans: 10 }]])
  now = 60_000
  report.noteDropped()
  expect(lines.at(-1)).toEqual(['traces are lost', { why: 'too many wait to be sent', spans: 22 }])
  report.noteFailure('it is gone', 3)
  report.noteSuccess()
  report.noteSuccess()
  expect(lines.slice(2)).toEqual([['traces are sent again', { spans: 3 }]])
  report.noteRefused(5)
  report.noteSuccess()
  expect(lines.slice(3)).toEqual([['traces are lost', { why: 'the collector refuses some of them', spans: 5 }]])
})
