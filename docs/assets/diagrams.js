// Gives the arrows of sequence diagrams the colour of their lines, also in dark mode: the theme names their heads by ids that
// this version of mermaid puts a prefix before.
if (window.mermaid) {
  const initialize = mermaid.initialize;
  const heads = '[id$="arrowhead"] path, [id$="crosshead"] path { fill: var(--md-mermaid-edge-color); stroke: var(--md-mermaid-edge-color); }';
  mermaid.initialize = (settings) => initialize({ ...settings, themeCSS: (settings.themeCSS || "") + heads });
}
