/** The forms in which metrics can be written. */
export type MetricFormat = 'text' | 'openmetrics'

/** The types of OpenMetrics that are understood by who takes this version. */
const openMetricsType = 'application/openmetrics-text'

/**
 * Chooses the form by the `Accept` of a request. Text is the default, and OpenMetrics must be named: a browser or a tool that takes
 * everything gets what is easier to read.
 */
export function chooseFormat(accept: string | undefined): MetricFormat {
  const ranges = (accept ?? '').split(',', maxRanges).map(rangeOf)
  const best = (...types: readonly string[]) =>
    Math.max(0, ...ranges.filter(({ type }) => types.includes(type)).map(({ quality }) => quality))
  const openMetrics = best(openMetricsType)
  return openMetrics > 0 && openMetrics >= best('text/plain') ? 'openmetrics' : 'text'
}

const maxRanges = 50

function rangeOf(text: string): { readonly type: string; readonly quality: number } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  const version = parameters.find((parameter) => parameter.startsWith('version='))?.slice('version='.length)
  // later versions may have other rules
  const isKnown = type !== openMetricsType || version === undefined || ['1.0.0', '0.0.1'].includes(version)
  const stated = quality === undefined ? 1 : Number(quality)
  return { type, quality: isKnown && Number.isFinite(stated) ? stated : 0 }
}
