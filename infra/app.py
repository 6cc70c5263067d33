"""The CDK app: a stack for each archive, checked by cdk-nag."""

from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.stack import ArchiveStack
from ttl_archive.transform.settings import Settings

# CDK's recommended flags that concern our resources.
_FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:checkSecretUsage": True,
}


def archive_app(archives: list[tuple[Settings, Deploy]], assets: Assets, folder: Path | None = None) -> App:
    """Return the app with a stack for each archive; cdk-nag checks it when it is synthesised.

    `folder` is where the app is written. Without it, the CDK CLI decides, else it is cdk.out.
    """
    app = App(outdir=str(folder) if folder else None, context=_FLAGS, analytics_reporting=False)
    for settings, deploy in archives:
        ArchiveStack(app, settings=settings, deploy=deploy, assets=assets)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
