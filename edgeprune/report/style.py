"""The style sheet that all pages share: light and dark, nothing fetched."""

STYLE = """
:root{--bg:#fbfaf7;--fg:#1d2327;--faint:#6a737b;--line:#dedad0;--card:#fff;--strong:#0b6e69;--mid:#58a8a1;
--pale:#cfe3df;--warn:#c2571a;--ok:#2c7a3f}
@media(prefers-color-scheme:dark){:root{--bg:#14181a;--fg:#e8e6e1;--faint:#98a2a8;--line:#2d3437;--card:#1b2023;
--strong:#4fb8ae;--mid:#2f7d77;--pale:#27423f;--warn:#e58a4e;--ok:#6cc283}}
body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:940px;
padding:32px 20px 80px}
h1{font-size:26px;margin:0}h2{font-size:17px;margin:40px 0 8px}p,li{max-width:72ch}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px}
.tile b{display:block;font-size:21px;font-variant-numeric:tabular-nums}
.tile span{color:var(--faint);font-size:13px}
svg{width:100%;height:auto;display:block;margin:8px 0}svg text{fill:var(--fg);font:12px system-ui,sans-serif}
svg text.num{font-variant-numeric:tabular-nums;fill:var(--faint)}svg text.faint{fill:var(--faint)}
table{border-collapse:collapse;font-size:13.5px;width:100%}td,th{padding:4px 10px 4px 0;text-align:left;
border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}td.n,th.n{text-align:right}
.badge{border-radius:4px;padding:1px 8px;font-size:13px;color:#fff;background:var(--ok)}
.badge.warn{background:var(--warn)}.faint{color:var(--faint)}code{font-size:12.5px;word-break:break-all}
.scroll{overflow-x:auto}
"""
