from IPython.display import IFrame

IFrame(
    "https://stridescope.example/", width="100%", height=760,
    embed="predict", models="tiny-a,tiny-d", image="rocket", autorun=1,
    extras=['sandbox="allow-scripts allow-popups allow-popups-to-escape-sandbox"', 'title="Stridescope: prediction"'],
)
